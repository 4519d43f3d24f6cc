//! A resource server nobody here wrote, from the npm registry, that knows our name and our JWK set alone: it believes our
//! access tokens, of each algorithm, and nothing else that we sign.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient,
    browser::Answer,
    client::Form,
    site::{claims, jose_header, read},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::foreign_client::folder;

/// The API, which is a client too: the `aud` of its ID tokens is what it wants of access tokens.
const API: &str = "api";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_resource_server_believes_our_access_tokens_and_nothing_else() {
    let app = TestApp::builder().system_clock().start().await;
    let api = ResourceServer::start(&app, API, 0);
    for alg in ["ES256", "RS256", "PS256", "EdDSA"] {
        let client = service(&app, alg, &[API]).await;
        let token = access_token(&app, &client).await;
        assert_eq!(jose_header(&token)["alg"], alg);
        let answer = api.get(&app, "/", &token).await;
        assert_eq!(answer.status, 200, "{alg}: {}", answer.body);
        assert_eq!(answer.json()["payload"]["client_id"], client.id.as_str());
        assert_eq!(
            api.get(&app, "/write", &token).await.status,
            200,
            "{alg}: the scope is there"
        );
        refused(&api.get(&app, "/", &tampered(&token)).await, alg);
    }
    let elsewhere = service(&app, "ES256-elsewhere", &["https://other.example"]).await;
    refused(
        &api.get(&app, "/", &access_token(&app, &elsewhere).await).await,
        "another audience",
    );
    let several = service(&app, "ES256-several", &["https://other.example", API]).await;
    assert_eq!(
        api.get(&app, "/", &access_token(&app, &several).await)
            .await
            .status,
        200
    );
    refused(&api.get(&app, "/", &id_token(&app).await).await, "an ID token");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_resource_server_refuses_an_expired_token() {
    let app = TestApp::builder().system_clock().start().await;
    let token = access_token(&app, &service(&app, "ES256", &[API]).await).await;
    let lifetime = claims(&token)["exp"].as_i64().unwrap() - claims(&token)["iat"].as_i64().unwrap();
    // Its own tolerance is 5 seconds.
    let later = ResourceServer::start(&app, API, lifetime + 10);
    refused(&later.get(&app, "/", &token).await, "expired");
    app.stop().await;
}

/// A client of its own name and algorithm, for tokens with this audience.
async fn service(app: &TestApp, id: &str, audiences: &[&str]) -> TestClient {
    let alg = id.split('-').next().unwrap();
    app.client(NewClient {
        id: Some(id.to_owned()),
        grant_types: vec!["client_credentials".to_owned()],
        scopes: vec!["read write".to_owned()],
        audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        access_token_signed_response_alg: Some(alg.to_owned()),
        ..NewClient::default()
    })
    .await
}

async fn access_token(app: &TestApp, client: &TestClient) -> String {
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read write");
    let answer = app.token(client, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"]
        .as_str()
        .expect("an access token")
        .to_owned()
}

/// Of the client that is called as the API is: right in all but its type.
async fn id_token(app: &TestApp) -> String {
    let client = app.public_client(API).await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    let token = tokens["id_token"].as_str().expect("an ID token").to_owned();
    assert_eq!(claims(&token)["aud"], API);
    token
}

/// The same token with another scope, and the signature it had.
fn tampered(token: &str) -> String {
    let mut payload = claims(token);
    payload["scope"] = "read write admin".into();
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let parts: Vec<&str> = token.split('.').collect();
    format!("{}.{payload}.{}", parts[0], parts[2])
}

fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 401, "{why}: {}", answer.body);
    assert_eq!(answer.json()["error"], "invalid_token", "{why}");
}

/// The foreign program, stopped when dropped.
struct ResourceServer {
    child: Child,
    url: String,
}

impl ResourceServer {
    /// Starts it for tokens of the server with this audience, its clock so many seconds ahead.
    fn start(app: &TestApp, audience: &str, ahead: i64) -> Self {
        let mut child = Command::new("node")
            .current_dir(folder())
            .args([
                "resource-server.mjs",
                &app.url,
                &app.at("/.well-known/jwks.json"),
                audience,
                &ahead.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut url)
            .expect("it says where it listens");
        assert!(
            url.starts_with("http://"),
            "the resource server does not start: {url:?}"
        );
        Self {
            child,
            url: url.trim().to_owned(),
        }
    }

    async fn get(&self, app: &TestApp, path: &str, token: &str) -> Answer {
        read(app.http.get(format!("{}{path}", self.url)).bearer_auth(token)).await
    }
}

impl Drop for ResourceServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
