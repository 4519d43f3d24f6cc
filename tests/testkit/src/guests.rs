//! Plugins, built from source: the shipped ones and those that do what no plugin should (`tests/guests`).
//!
//! Built once per process, with the toolchain that runs the tests; processes that want them at once wait for each
//! other at cargo's own lock.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The component `tests/guests/examples/NAME.rs` was built to.
///
/// # Panics
/// When the guests do not build, with cargo's own words, or there is none of this name.
pub fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| build("tests/guests", "guests", &["--examples"]));
    existing(built.join("examples").join(format!("{name}.wasm")))
}

/// The shipped plugin `attribute-claims`: its component and its toml.
///
/// # Panics
/// When it does not build, with cargo's own words.
pub fn attribute_claims() -> (PathBuf, PathBuf) {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| build("plugins", "plugins", &[]));
    let toml = workspace().join("plugins/attribute-claims/attribute-claims.toml");
    (existing(built.join("attribute_claims.wasm")), existing(toml))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Builds a workspace of guests; answers where its components are.
fn build(source: &str, target: &str, arguments: &[&str]) -> PathBuf {
    let target = workspace().join("target").join(target);
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--target", "wasm32-wasip2"])
        .args(arguments)
        .current_dir(workspace().join(source))
        .env("CARGO_TARGET_DIR", &target)
        // What tests of the host are built with (coverage, sanitizers) means nothing to a guest.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{source} does not build; if the target is missing: rustup target add wasm32-wasip2\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    target.join("wasm32-wasip2/release")
}

fn existing(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is not there", path.display());
    path
}
