//! Clients nobody here wrote, each through a whole sign-in, public and confidential: openid-client (npm), Authlib (PyPI)
//! and the openidconnect crate (crates.io).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, TestUser};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_completes_a_whole_sign_in() {
    a_whole_sign_in(&EVERY_METHOD, openid_client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_proves_who_it_is_with_a_key() {
    a_whole_sign_in_with_a_key(openid_client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_reads_an_answer_that_is_posted() {
    a_whole_sign_in(&["none"], || {
        let mut node = openid_client();
        node.env("RESPONSE_MODE", "form_post");
        node
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_completes_a_whole_sign_in() {
    a_whole_sign_in(&EVERY_METHOD, authlib).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authlib_proves_who_it_is_with_a_key() {
    a_whole_sign_in_with_a_key(authlib).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_openidconnect_crate_completes_a_whole_sign_in() {
    a_whole_sign_in(&EVERY_METHOD[..3], the_openidconnect_crate).await;
}

fn openid_client() -> Command {
    let mut node = Command::new("node");
    node.current_dir(folder()).arg("client.mjs");
    node
}

fn authlib() -> Command {
    let python = folder().join("python");
    let mut command = Command::new(installed(python.join(".venv/bin/python")));
    // Nothing is written beside the sources.
    command.arg("-B").arg(python.join("client.py"));
    command
}

fn the_openidconnect_crate() -> Command {
    Command::new(installed(
        folder().join("../../target/foreign/debug/authly-foreign-client"),
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openid_client_reads_signed_userinfo() {
    let site = Site::start().await;
    let new = NewClient {
        userinfo_signed_response_alg: Some("RS256".to_owned()),
        ..client("none")
    };
    let mut node = openid_client();
    node.env("USERINFO_ALG", "RS256");
    site.signs_in(new, node).await;
    site.app.stop().await;
}

/// Every way to be a client without a key; the openidconnect crate knows the first three.
const EVERY_METHOD: [&str; 4] = [
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
];

/// Runs a client that authenticates in each of these ways.
async fn a_whole_sign_in(methods: &[&str], program: impl Fn() -> Command) {
    let site = Site::start().await;
    for method in methods {
        let mut command = program();
        command.env("CLIENT_AUTH", method);
        site.signs_in(client(method), command).await;
    }
    site.app.stop().await;
}

/// Runs a client that signs who it is.
async fn a_whole_sign_in_with_a_key(program: impl Fn() -> Command) {
    let site = Site::start().await;
    let mut node = Command::new("node");
    node.current_dir(folder()).arg("key.mjs");
    let pair: Value = serde_json::from_str(&printed(node).await).unwrap();
    let new = NewClient {
        jwks: Some(pair["jwks"].to_string()),
        ..client("private_key_jwt")
    };
    let mut command = program();
    command.env("CLIENT_KEY", pair["key"].to_string());
    site.signs_in(new, command).await;
    site.app.stop().await;
}

/// A client for code and refresh grants, called as its method.
fn client(method: &str) -> NewClient {
    let id = method.replace('_', "-");
    NewClient {
        redirect_uris: vec![format!("https://{id}.example/cb")],
        post_logout_redirect_uris: vec![afterwards(&id)],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: vec!["openid profile email offline_access".to_owned()],
        token_endpoint_auth_method: Some(method.to_owned()),
        id: Some(id),
        ..NewClient::default()
    }
}

/// Where people come back to when they are signed out.
fn afterwards(client_id: &str) -> String {
    format!("https://{client_id}.example/bye")
}

/// A server and a person.
struct Site {
    app: TestApp,
    user: TestUser,
}

impl Site {
    async fn start() -> Self {
        // The programs look at the machine's clock, so the server must use that one too.
        let app = TestApp::builder().system_clock().start().await;
        let user = app.user("alice").await;
        Self { app, user }
    }

    /// Registers the client, and lets its program sign the person in.
    async fn signs_in(&self, new: NewClient, mut program: Command) {
        let client = self.app.client(new).await;
        program
            .args([
                &self.app.url,
                &client.id,
                &client.redirect_uri,
                &self.user.username,
            ])
            .env("AUTHLY_PASSWORD", &self.user.password)
            .env("POST_LOGOUT_REDIRECT_URI", afterwards(&client.id));
        if let Some(secret) = &client.secret {
            program.env("CLIENT_SECRET", secret);
        }
        let out = printed(program).await;
        assert!(out.contains("1 passed, 0 failed"), "{out}");
    }
}

/// What a program printed, once it ended well.
async fn printed(mut command: Command) -> String {
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
