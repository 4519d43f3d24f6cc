//! A real browser, Debian's Chromium, at a real server.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use authly_oauth::clients::NewClient;
use authly_testkit::{TestApp, process::DevProcess};

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser");
    let installed = folder.join("node_modules/playwright-core").exists();
    assert!(
        installed,
        "the browser tests are not installed: run `npm ci --prefix tests/browser` (make test does)"
    );
    folder
}

async fn node(mut command: Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .expect("node runs");
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{out}{err}");
    out.into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_signs_in_and_consents_with_and_without_script() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    for (script, name) in [("on", "alice"), ("off", "bob")] {
        let user = app.user(name).await;
        let (request, pkce) = app.authorization(&client, "openid profile offline_access");
        let mut command = Command::new("node");
        command
            .current_dir(folder())
            .arg("flow.mjs")
            .arg(request.url(&app.at("/api/v1/oauth/authorize")).as_str())
            .args([&client.redirect_uri, &user.username])
            .env("AUTHLY_PASSWORD", &user.password)
            .env("AUTHLY_SCRIPT", script);
        let called_back = url::Url::parse(node(command).await.trim()).unwrap();
        let code = called_back
            .query_pairs()
            .find(|(n, _)| n == "code")
            .expect("a code")
            .1
            .into_owned();
        let answer = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_carries_an_answer_by_form_with_and_without_script() {
    let app = TestApp::start().await;
    // The port of a loopback address floats: the script's own server listens on any.
    let client = app
        .client(NewClient {
            id: Some("native".to_owned()),
            redirect_uris: vec!["http://127.0.0.1/cb".to_owned()],
            scopes: vec!["openid".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    for script in ["on", "off"] {
        let (request, pkce) = app.authorization(&client, "openid");
        let request = request.set("response_mode", "form_post");
        let mut command = Command::new("node");
        command
            .current_dir(folder())
            .arg("form_post.mjs")
            .arg(request.url(&app.at("/api/v1/oauth/authorize")).as_str())
            .arg(&user.username)
            .env("AUTHLY_PASSWORD", &user.password)
            .env("AUTHLY_SCRIPT", script);
        let posted: serde_json::Value = serde_json::from_str(&node(command).await).unwrap();
        let (redirect_uri, fields) = (&posted["redirect_uri"], &posted["fields"]);
        assert_eq!(
            (&fields["state"], &fields["iss"]),
            (&"s-1".into(), &app.url.as_str().into())
        );
        let exchange = app
            .exchange(&client, fields["code"].as_str().expect("a code"), &pkce)
            .set("redirect_uri", redirect_uri.as_str().expect("a URI"));
        let answer = app.token(&client, &exchange).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_shows_tokens_and_follows_an_edited_plugin() {
    let server = DevProcess::start();
    let mut command = Command::new("node");
    command
        .current_dir(folder())
        .arg("demo.mjs")
        .arg(&server.url)
        .arg(server.plugins_dir().join("attribute-claims.toml"))
        .env("AUTHLY_PASSWORD", &server.password);
    assert!(node(command).await.contains("1 passed, 0 failed"));
}
