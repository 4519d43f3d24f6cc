//! `/api/v1/oauth/revoke`: giving a token up (RFC 7009).

use authly_testkit::{
    TestApp, TestClient, TestUser,
    client::{Form, basic},
    site::read,
};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/oauth/revoke";
const SCOPE: &str = "openid offline_access";

async fn site() -> (TestApp, TestClient, TestUser) {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    (app, client, user)
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

/// Whether the access token opens UserInfo, and the refresh token refreshes.
async fn alive(app: &TestApp, client: &TestClient, tokens: &Value) -> (bool, bool) {
    let opens = app.userinfo(text(tokens, "access_token")).await.status == 200;
    let refresh = app.refresh(client, text(tokens, "refresh_token"));
    (opens, app.token(client, &refresh).await.status == 200)
}

#[tokio::test]
async fn edge_67_a_token_that_is_none_is_revoked_already() {
    let (app, client, user) = site().await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let long = "x".repeat(5_000);
    for unknown in ["nonsense", "a.b.c", &long, text(&tokens, "id_token")] {
        let answer = app.revoke(&client, unknown).await;
        assert_eq!(answer.status, 200, "RFC 7009 §2.2: {}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    assert_eq!(alive(&app, &client, &tokens).await, (true, true));
    let missing = app.post_as(&client, PATH, &Form::new()).await;
    assert_eq!(
        (missing.status.as_u16(), &missing.json()["error"]),
        (400, &json!("invalid_request"))
    );
}

#[tokio::test]
async fn edge_67_the_token_of_another_client_is_not_revoked() {
    let (app, client, user) = site().await;
    let thief = app.confidential_client("thief").await;
    let public = app.public_client("public").await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    for other in [&thief, &public] {
        for name in ["access_token", "refresh_token"] {
            let answer = app.revoke(other, text(&tokens, name)).await;
            assert_eq!(answer.status, 200, "as unknown to it as any: {}", answer.body);
        }
    }
    assert_eq!(alive(&app, &client, &tokens).await, (true, true));
}

#[tokio::test]
async fn edge_67_a_wrong_hint_keeps_no_token_alive() {
    let (app, client, user) = site().await;
    for hint in ["access_token", "refresh_token", "saml", ""] {
        let tokens = app.tokens(&client, &user, SCOPE).await;
        let form = |name: &str| {
            Form::new()
                .set("token", text(&tokens, name))
                .set("token_type_hint", hint)
        };
        let access = app.post_as(&client, PATH, &form("access_token")).await;
        assert_eq!(access.status, 200, "{hint}");
        let opens = app.userinfo(text(&tokens, "access_token")).await;
        assert_eq!(opens.status, 401, "{hint}");
        let refresh = app.post_as(&client, PATH, &form("refresh_token")).await;
        assert_eq!(refresh.status, 200, "{hint}");
        assert_eq!(alive(&app, &client, &tokens).await, (false, false), "{hint}");
    }
}

#[tokio::test]
async fn edge_67_an_access_token_dies_alone_and_a_refresh_token_with_all_of_its_grant() {
    let (app, client, user) = site().await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let untouched = app.tokens(&client, &user, SCOPE).await;
    let access = text(&tokens, "access_token");
    assert_eq!(app.revoke(&client, access).await.status, 200);
    assert_eq!(app.userinfo(access).await.status, 401);
    let refresh = app.refresh(&client, text(&tokens, "refresh_token"));
    let renewed = app.token(&client, &refresh).await.json();
    let opens = app.userinfo(text(&renewed, "access_token")).await;
    assert_eq!(opens.status, 200, "the next one lives");
    // The spent one is of the same grant.
    let spent = text(&tokens, "refresh_token");
    assert_eq!(app.revoke(&client, spent).await.status, 200);
    assert_eq!(alive(&app, &client, &renewed).await, (false, false));
    assert_eq!(
        alive(&app, &client, &untouched).await,
        (true, true),
        "another grant is another matter"
    );
}

#[tokio::test]
async fn clients_authenticate_as_at_the_token_endpoint() {
    let (app, client, user) = site().await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let form = Form::new().set("token", text(&tokens, "refresh_token"));
    let ask = async |authorization: Option<String>, form: &Form| {
        let mut request = app.http.post(app.at(PATH)).form(&form.pairs());
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        read(request).await
    };
    for (authorization, form) in [
        (None, form.clone()),
        (None, form.clone().set("client_id", "web")),
        (Some(basic("web", "wrong")), form.clone()),
    ] {
        let answer = ask(authorization, &form).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (401, &json!("invalid_client"))
        );
    }
    assert_eq!(alive(&app, &client, &tokens).await, (true, true));

    let public = app.public_client("spa").await;
    let tokens = app.tokens(&public, &user, SCOPE).await;
    let answer = app.revoke(&public, text(&tokens, "refresh_token")).await;
    assert_eq!(answer.status, 200, "by its client_id alone: {}", answer.body);
    assert_eq!(alive(&app, &public, &tokens).await, (false, false));
}

#[tokio::test]
async fn json_is_taken_as_from_clients_of_the_predecessor() {
    let (app, client, user) = site().await;
    let tokens = app.tokens(&client, &user, SCOPE).await;
    let authorization = basic("web", client.secret.as_deref().unwrap());
    let send = async |body: Value| {
        let request = app.http.post(app.at(PATH)).json(&body);
        read(request.header("authorization", &authorization)).await
    };
    for bad in [json!([]), json!({ "token": 1 }), json!({}), json!("token")] {
        let answer = send(bad).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (400, &json!("invalid_request"))
        );
    }
    let body = json!({ "token": text(&tokens, "refresh_token"), "token_type_hint": null });
    let anonymous = read(app.http.post(app.at(PATH)).json(&body)).await;
    assert_eq!(anonymous.status, 401, "who asks is asked there too");
    let answer = send(body).await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            200,
            json!({ "message": "Token revocation processed successfully" })
        )
    );
    assert_eq!(alive(&app, &client, &tokens).await, (false, false));
}

#[tokio::test]
async fn revoking_twice_is_as_good_as_once_on_both_databases() {
    for postgres in [false, true] {
        let mut builder = TestApp::builder();
        if postgres {
            builder = builder.postgres().await;
        }
        let app = builder.start().await;
        let client = app.confidential_client("web").await;
        let user = app.user("alice").await;
        let tokens = app.tokens(&client, &user, SCOPE).await;
        for name in ["access_token", "refresh_token"] {
            for _ in 0..2 {
                let answer = app.revoke(&client, text(&tokens, name)).await;
                assert_eq!(answer.status, 200, "{name}: {}", answer.body);
            }
            let told = app.introspect(&client, text(&tokens, name)).await;
            assert_eq!(told.body, r#"{"active":false}"#);
        }
    }
}
