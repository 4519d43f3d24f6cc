//! Clients nobody here wrote, each through a whole sign-in, public and confidential: openid-client (npm), Authlib (PyPI)
//! and the openidconnect crate (crates.io).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use authly_testkit::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_completes_a_whole_sign_in() {
    a_whole_sign_in(|| {
        let mut node = Command::new("node");
        node.current_dir(folder()).arg("client.mjs");
        node
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_completes_a_whole_sign_in() {
    a_whole_sign_in(|| {
        let python = folder().join("python");
        let mut command = Command::new(installed(python.join(".venv/bin/python")));
        // Nothing is written beside the sources.
        command.arg("-B").arg(python.join("client.py"));
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openidconnect_crate_completes_a_whole_sign_in() {
    a_whole_sign_in(|| {
        let root = folder().join("../../target/foreign/debug/authly-foreign-client");
        Command::new(installed(root))
    })
    .await;
}

/// Runs a client as each kind of client.
async fn a_whole_sign_in(program: impl Fn() -> Command) {
    // They look at the machine's clock, so the server must use that one too.
    let app = TestApp::builder().system_clock().start().await;
    let user = app.user("alice").await;
    for client in [
        app.public_client("public").await,
        app.confidential_client("confidential").await,
    ] {
        let mut command = program();
        command
            .args([&app.url, &client.id, &client.redirect_uri, &user.username])
            .env("AUTHLY_PASSWORD", &user.password);
        if let Some(secret) = &client.secret {
            command.env("CLIENT_SECRET", secret);
        }
        let out = succeeded(command).await;
        assert!(out.contains("1 passed, 0 failed"), "{out}");
    }
    app.stop().await;
}

/// What a program printed, once it ended well.
async fn succeeded(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .expect("the foreign client starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}{err}");
    out
}

/// Where the foreign programs are, their packages installed.
pub(crate) fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign");
    installed(folder.join("node_modules/openid-client"));
    folder
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is not there: run .ci/deps test (make test does, and builds the foreign client too)",
        path.display()
    );
    path
}
