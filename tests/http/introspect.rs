//! `/api/v1/oauth/introspect`: what a token is worth, and to whom that is told (RFC 7662).

use std::time::Duration;

use authly_testkit::{
    TestApp, TestClient,
    browser::Answer,
    client::{Form, basic},
    site::{claims, read},
};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/oauth/introspect";

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

#[track_caller]
fn inactive(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.body.as_str()),
        (200, r#"{"active":false}"#),
        "{why}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[track_caller]
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 401, "{why}: {}", answer.body);
    assert_eq!(answer.json()["error"], "invalid_client", "{why}");
    assert!(answer.header("www-authenticate").starts_with("Basic"), "{why}");
}

#[tokio::test]
async fn edge_66_who_does_not_authenticate_is_told_nothing() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    let access = text(&tokens, "access_token");
    let form = Form::new().set("token", access);
    let ask = async |authorization: Option<String>, form: &Form| {
        let mut request = app.http.post(app.at(PATH)).form(&form.pairs());
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        read(request).await
    };
    let by_name = form.clone().set("client_id", "web");
    refused(&ask(None, &form).await, "nobody");
    refused(&ask(None, &by_name).await, "a name alone");
    refused(&ask(Some(basic("web", "wrong")), &form).await, "a wrong secret");
    refused(&ask(Some(basic("nobody", "x")), &form).await, "an unknown client");
    refused(
        &ask(Some(format!("Bearer {access}")), &form).await,
        "a token is no client",
    );
    let missing = app.post_as(&client, PATH, &Form::new()).await;
    assert_eq!(
        (missing.status.as_u16(), &missing.json()["error"]),
        (400, &json!("invalid_request"))
    );
    app.set_client_enabled(&client, false).await;
    refused(&app.introspect(&client, access).await, "a disabled client");
}

#[tokio::test]
async fn edge_41_a_public_client_introspects_nothing_not_even_its_own() {
    let app = TestApp::start().await;
    let client = app.public_client("spa").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid offline_access").await;
    for name in ["access_token", "refresh_token"] {
        refused(&app.introspect(&client, text(&tokens, name)).await, name);
    }
}

#[tokio::test]
async fn edge_66_unknown_foreign_and_expired_are_exactly_inactive() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let other = app.confidential_client("other").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid offline_access").await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let long = "x".repeat(5_000);
    for unknown in ["nonsense", "a.b.c", " ", &long, text(&tokens, "id_token")] {
        inactive(&app.introspect(&client, unknown).await, unknown);
    }
    let parts: Vec<&str> = access.split('.').collect();
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    inactive(&app.introspect(&client, &unsigned).await, "not signed");
    for token in [access, refresh] {
        inactive(&app.introspect(&other, token).await, "another client's");
        let own = app.introspect(&client, token).await;
        assert_eq!(own.json()["active"], true, "{}", own.body);
    }
    app.advance(Duration::from_secs(599));
    assert_eq!(app.introspect(&client, access).await.json()["active"], true);
    app.advance(Duration::from_secs(1));
    inactive(&app.introspect(&client, access).await, "at its end");
    assert_eq!(app.introspect(&client, refresh).await.json()["active"], true);
    app.token(&client, &app.refresh(&client, refresh)).await;
    inactive(&app.introspect(&client, refresh).await, "rotated");
}

#[tokio::test]
async fn an_active_token_is_told_with_what_it_says() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let scope = "openid profile offline_access";
    let tokens = app.tokens(&client, &user, scope).await;
    let access = text(&tokens, "access_token");
    let said = claims(access);
    let answer = app.introspect(&client, access).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let told = answer.json();
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(told[name], *value, "{name}");
    }
    for name in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "jti",
        "auth_time",
        "amr",
        "acr",
    ] {
        assert!(!told[name].is_null(), "{name}: {told}");
    }
    assert_eq!(
        (&told["active"], &told["token_type"], &told["username"]),
        (&json!(true), &json!("Bearer"), &json!("alice"))
    );
    let now = app.now().as_secs();
    let refresh = text(&tokens, "refresh_token");
    let told = app.introspect(&client, refresh).await.json();
    assert_eq!(
        told,
        json!({
            "active": true, "token_type": "refresh_token", "iss": app.url, "client_id": "web", "sub": user.id,
            "scope": "offline_access openid profile", "username": "alice", "iat": now, "exp": told["exp"],
        })
    );
    assert!(told["exp"].as_i64().unwrap() > now);
    let bare = app.tokens(&client, &user, "openid").await;
    let told = app.introspect(&client, text(&bare, "access_token")).await.json();
    assert!(told.get("username").is_none(), "a profile claim: {told}");
}

#[tokio::test]
async fn the_hint_is_a_hint() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid offline_access").await;
    for name in ["access_token", "refresh_token"] {
        for hint in ["access_token", "refresh_token", "saml", ""] {
            let form = Form::new()
                .set("token", text(&tokens, name))
                .set("token_type_hint", hint);
            let answer = app.post_as(&client, PATH, &form).await;
            assert_eq!(answer.json()["active"], true, "{name} as {hint}");
        }
    }
}

/// A resource server and a client whose tokens are for it.
async fn resource_and_client(app: &TestApp) -> (TestClient, TestClient) {
    let ours = || vec!["https://api.example".to_owned()];
    let resource = app.service_client("api").await;
    app.change_client(&resource, |api| api.introspection_audiences = ours())
        .await;
    let client = app.confidential_client("web").await;
    app.change_client(&client, |web| web.audiences = ours()).await;
    (resource, client)
}

#[tokio::test]
async fn a_resource_learns_of_access_tokens_for_itself_and_of_no_others() {
    let app = TestApp::start().await;
    let (resource, client) = resource_and_client(&app).await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "read offline_access").await;
    let access = text(&tokens, "access_token");
    let told = app.introspect(&resource, access).await.json();
    assert_eq!(
        (&told["active"], &told["client_id"], &told["aud"], &told["scope"]),
        (
            &json!(true),
            &json!("web"),
            &json!("https://api.example"),
            &json!("offline_access read")
        )
    );
    let refresh = text(&tokens, "refresh_token");
    inactive(
        &app.introspect(&resource, refresh).await,
        "a refresh token is its client's alone",
    );
    for elsewhere in ["https://api.example/", "https://API.example", "https://api"] {
        app.change_client(&client, |web| web.audiences = vec![elsewhere.to_owned()])
            .await;
        let tokens = app.tokens(&client, &user, "read").await;
        let access = text(&tokens, "access_token");
        inactive(&app.introspect(&resource, access).await, elsewhere);
    }
}

#[tokio::test]
async fn whatever_ends_a_token_is_seen_at_once() {
    let app = TestApp::start().await;
    let (resource, client) = resource_and_client(&app).await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid offline_access").await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let seen = async || {
        let mut seen = Vec::new();
        for (asking, token) in [(&resource, access), (&client, access), (&client, refresh)] {
            let told = app.introspect(asking, token).await.json();
            seen.push(told["active"] == true);
        }
        seen
    };
    assert_eq!(seen().await, [true, true, true]);
    app.set_user_enabled(&user, false).await;
    assert_eq!(seen().await, [false, false, false], "a disabled person");
    app.set_user_enabled(&user, true).await;
    assert_eq!(seen().await, [true, true, true], "nothing was lost");
    app.set_client_enabled(&client, false).await;
    inactive(&app.introspect(&resource, access).await, "a disabled client");
    app.set_client_enabled(&client, true).await;
    assert_eq!(app.revoke(&client, access).await.status, 200);
    assert_eq!(seen().await, [false, false, true], "the access token alone");
    assert_eq!(app.revoke(&client, refresh).await.status, 200);
    assert_eq!(seen().await, [false, false, false], "and all of the grant");
}

#[tokio::test]
async fn a_clients_own_token_is_told_without_a_person() {
    let app = TestApp::start().await;
    let service = app.service_client("service").await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read write");
    let tokens = app.token(&service, &form).await.json();
    let access = text(&tokens, "access_token");
    let told = app.introspect(&service, access).await.json();
    assert_eq!(
        (&told["active"], &told["sub"], &told["scope"]),
        (&json!(true), &json!("service"), &json!("read write"))
    );
    for name in ["username", "auth_time", "amr", "acr"] {
        assert!(told.get(name).is_none(), "{name}: {told}");
    }
    app.change_client(&service, |service| {
        service.scopes = service.scopes.without("write");
    })
    .await;
    let told = app.introspect(&service, access).await.json();
    assert_eq!(told["scope"], "read", "what it may still be used for");
    assert_eq!(app.revoke(&service, access).await.status, 200);
    inactive(&app.introspect(&service, access).await, "revoked");
}
