//! Embeds the shipped plugins, so that `serve --dev` can put them where an operator would.
//!
//! `make plugins` builds them; a build without them works too, and `--dev` then says what is missing.

#![expect(clippy::disallowed_methods, reason = "how a build script and cargo talk")]

use std::{env, fs, path::PathBuf};

/// Where `make plugins` leaves what it builds, from the workspace's root.
const BUILT: &str = "target/plugins/wasm32-wasip2/release/attribute_claims.wasm";

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let built = root.join(BUILT);
    // Cargo compares the time of a file, and sees one that appears where none was.
    println!("cargo::rerun-if-changed={}", built.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("attribute_claims.wasm");
    let bytes = fs::read(&built).unwrap_or_default();
    if let Err(error) = fs::write(&out, bytes) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}
