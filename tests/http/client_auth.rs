//! Client authentication at the token endpoint (RFC 6749 §2.3).

use authly_core::SecretText;
use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient,
    client::{Form, basic},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

fn grant() -> Form {
    Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read")
}

async fn service(app: &TestApp, method: &str, secret: &str) -> TestClient {
    app.client(NewClient {
        id: Some("service".into()),
        grant_types: vec!["client_credentials".into()],
        scopes: vec!["read".into()],
        token_endpoint_auth_method: Some(method.into()),
        secret: Some(SecretText::new(secret.into())),
        ..NewClient::default()
    })
    .await
}

#[tokio::test]
async fn edge_34_one_request_authenticates_one_way() {
    let app = TestApp::start().await;
    let client = app.service_client("service").await;
    let secret = client.secret.as_ref().unwrap();
    let both = grant().set("client_id", &client.id).set("client_secret", secret);
    let answer = app.token_with(Some(&basic(&client.id, secret)), &both).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &"invalid_request".into()),
        "{}",
        answer.body
    );
    let other = grant().set("client_id", "another");
    let answer = app.token_with(Some(&basic(&client.id, secret)), &other).await;
    assert!(answer.status.is_client_error(), "{}", answer.body);
    let same = grant().set("client_id", &client.id);
    assert_eq!(
        app.token_with(Some(&basic(&client.id, secret)), &same)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn edge_35_basic_credentials_are_form_decoded() {
    let app = TestApp::start().await;
    let secret = "a: b+c%d ü & long enough to be one";
    let client = service(&app, "client_secret_basic", secret).await;
    assert_eq!(
        app.token_with(Some(&basic(&client.id, secret)), &grant())
            .await
            .status,
        200
    );
    let raw = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", client.id)));
    let answer = app.token_with(Some(&raw), &grant()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &"invalid_client".into())
    );
    for broken in [
        "Basic !",
        "Basic",
        &format!("Basic {}", STANDARD.encode("service")),
        "Basic /w==",
    ] {
        let answer = app.token_with(Some(broken), &grant()).await;
        assert_eq!(answer.status, 401, "{broken}: {}", answer.body);
        assert!(
            answer.header("www-authenticate").starts_with("Basic "),
            "{broken}"
        );
    }
}

#[tokio::test]
async fn edge_36_only_the_registered_method_is_accepted() {
    let app = TestApp::start().await;
    let secret = "a secret that is long enough to be one";
    let client = service(&app, "client_secret_post", secret).await;
    let posted = grant().set("client_id", &client.id).set("client_secret", secret);
    assert_eq!(app.token_with(None, &posted).await.status, 200);
    let answer = app.token_with(Some(&basic(&client.id, secret)), &grant()).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (401, &"invalid_client".into())
    );
    let nothing = app.token_with(None, &grant().set("client_id", &client.id)).await;
    assert_eq!(
        (nothing.status.as_u16(), &nothing.json()["error"]),
        (401, &"invalid_client".into())
    );
    assert!(
        nothing.header("www-authenticate").starts_with("Basic realm="),
        "a 401 names a scheme, whatever was used (RFC 9110 section 15.5.2)"
    );

    let public = app.public_client("web").await;
    let with_secret = Form::new()
        .set("grant_type", "refresh_token")
        .set("refresh_token", "x")
        .set("client_id", &public.id)
        .set("client_secret", "anything at all");
    assert_eq!(
        app.token_with(None, &with_secret).await.status,
        401,
        "a public client has no secret to be right"
    );
}

#[tokio::test]
async fn a_disabled_client_is_refused_like_an_unknown_one() {
    let app = TestApp::start().await;
    let client = app.service_client("service").await;
    assert_eq!(app.token(&client, &grant()).await.status, 200);
    app.set_client_enabled(&client, false).await;
    let disabled = app.token(&client, &grant()).await;
    assert_eq!(
        (disabled.status.as_u16(), &disabled.json()["error"]),
        (401, &"invalid_client".into())
    );
    app.set_client_enabled(&client, true).await;
    assert_eq!(app.token(&client, &grant()).await.status, 200);
}
