//! What ends a refresh token that was good, and the predecessor's address for using one.

use authly_core::{
    Effects, SecretText, UserId,
    ports::{PasswordChange, PasswordEnds, PasswordOutcome},
};
use authly_testkit::{
    TestApp, TestUser,
    browser::Answer,
    client::{Form, basic},
    site::{claims, read},
};
use serde_json::{Value, json};

const SCOPE: &str = "openid offline_access";
const ALIAS: &str = "/api/v1/oauth/refresh";

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]),
        (400, &error.into()),
        "{}",
        answer.body
    );
}

async fn change_password(app: &TestApp, user: &TestUser, ends: PasswordEnds) {
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g";
    let change = PasswordChange {
        user_id: UserId::from_uuid(user.id.parse().unwrap()),
        replaces: None,
        hash: SecretText::new(hash.to_owned()),
        requires_password_change: false,
        ends,
        now: app.now(),
    };
    let outcome = app.tenant.set_password(change, Effects::none()).await.unwrap();
    assert!(matches!(outcome, PasswordOutcome::Changed(_)));
}

#[tokio::test]
async fn edge_48_a_password_change_ends_what_the_old_password_opened() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let hers = app.tokens(&client, &alice, SCOPE).await;
    let his = app.tokens(&client, &bob, SCOPE).await;
    change_password(&app, &alice, PasswordEnds::Others { keep: None }).await;
    change_password(&app, &bob, PasswordEnds::Nothing).await;
    let refresh = |tokens: &Value| app.refresh(&client, text(tokens, "refresh_token"));
    refused(&app.token(&client, &refresh(&hers)).await, "invalid_grant");
    let access = text(&hers, "access_token");
    assert_eq!(app.userinfo(access).await.status, 401);
    let told = app.introspect(&client, access).await;
    assert_eq!(told.body, r#"{"active":false}"#);
    let answer = app.token(&client, &refresh(&his)).await;
    assert_eq!(answer.status, 200, "nothing was to end: {}", answer.body);
}

#[tokio::test]
async fn edge_48_offline_access_that_was_not_agreed_to_is_ignored() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid").await;
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    let (request, pkce) = app.authorization(&client, SCOPE);
    let back = app.grant(&mut app.browser(), &request, &user).await;
    let code = back.redirect_param("code").unwrap();
    // Agreed to, but the registration lost it meanwhile.
    app.change_client(&client, |web| web.scopes = web.scopes.without("offline_access"))
        .await;
    let exchange = app.exchange(&client, &code, &pkce);
    let tokens = app.token(&client, &exchange).await.json();
    assert_eq!(tokens["scope"], "openid");
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
}

#[tokio::test]
async fn a_scope_that_is_defined_no_longer_is_granted_at_no_step() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let service = app.service_client("service").await;
    let user = app.user("alice").await;
    let scope = "openid email read offline_access";
    let tokens = app.tokens(&client, &user, scope).await;
    let (code, pkce) = app.code(&client, &user, scope).await;
    for name in ["email", "read"] {
        let gone = app.tenant.delete_scope(name, Effects::none()).await;
        assert!(gone.unwrap(), "{name}");
    }
    let left = "offline_access openid";
    let exchange = app.exchange(&client, &code, &pkce);
    let redeemed = app.token(&client, &exchange).await.json();
    assert_eq!(redeemed["scope"], left, "redeemed: {redeemed}");
    let refresh = app.refresh(&client, text(&tokens, "refresh_token"));
    let refreshed = app.token(&client, &refresh).await.json();
    assert_eq!(refreshed["scope"], left, "refreshed: {refreshed}");
    let access = text(&tokens, "access_token");
    assert_eq!(
        app.userinfo(access).await.json(),
        json!({ "sub": user.id }),
        "nor does the token of before tell it"
    );
    assert_eq!(app.introspect(&client, access).await.json()["scope"], left);
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    refused(&app.token(&service, &form).await, "invalid_scope");
    let (request, _) = app.authorization(&client, "email");
    let answer = app.authorize(&mut app.browser(), &request).await;
    app.assert_client_told(&answer, &request, "invalid_scope");
}

#[tokio::test]
async fn a_claim_asked_for_by_name_goes_with_its_scope() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let (request, pkce) = app.authorization(&client, SCOPE);
    let asked = r#"{"userinfo":{"email":null,"name":null},"id_token":{"email":{"essential":true}}}"#;
    let back = app
        .grant(&mut app.browser(), &request.set("claims", asked), &user)
        .await;
    let code = back.redirect_param("code").unwrap();
    let mut tokens = app
        .token(&client, &app.exchange(&client, &code, &pkce))
        .await
        .json();
    let told = async |tokens: &Value| {
        let by_name = claims(text(tokens, "id_token"));
        let answer = app.userinfo(text(tokens, "access_token")).await.json();
        [&by_name["email"], &answer["email"], &answer["name"]].map(Value::is_string)
    };
    assert_eq!(told(&tokens).await, [true, true, true], "OIDC Core §5.5");
    app.change_client(&client, |web| web.scopes = web.scopes.without("email"))
        .await;
    let refresh = app.refresh(&client, text(&tokens, "refresh_token"));
    tokens = app.token(&client, &refresh).await.json();
    assert_eq!(told(&tokens).await, [false, false, true], "the client lost email");
    let gone = app.tenant.delete_scope("profile", Effects::none()).await;
    assert!(gone.unwrap());
    let refresh = app.refresh(&client, text(&tokens, "refresh_token"));
    tokens = app.token(&client, &refresh).await.json();
    assert_eq!(
        told(&tokens).await,
        [false, false, false],
        "nobody defines profile"
    );
}

#[tokio::test]
async fn the_predecessors_address_refreshes_as_the_token_endpoint_does() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let scope = "openid profile offline_access";
    let tokens = app.tokens(&client, &user, scope).await;
    let authorization = basic("web", client.secret.as_deref().unwrap());
    let send = async |body: Value| {
        let request = app.http.post(app.at(ALIAS)).json(&body);
        read(request.header("authorization", &authorization)).await
    };
    let body = json!({ "grant_type": "refresh_token", "refresh_token": text(&tokens, "refresh_token"),
                       "scope": "openid" });
    let anonymous = read(app.http.post(app.at(ALIAS)).json(&body)).await;
    assert_eq!(
        (anonymous.status.as_u16(), &anonymous.json()["error"]),
        (401, &json!("invalid_client"))
    );
    let answer = send(body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let renewed = answer.json();
    assert_eq!(renewed["scope"], "openid");
    assert_ne!(renewed["refresh_token"], tokens["refresh_token"], "rotated");
    let opens = app.userinfo(text(&renewed, "access_token")).await;
    assert_eq!(opens.status, 200);
    let form = app.refresh(&client, text(&renewed, "refresh_token"));
    let by_form = app.post_as(&client, ALIAS, &form).await;
    assert_eq!(by_form.status, 200, "{}", by_form.body);
    refused(&send(body).await, "invalid_grant");
}

#[tokio::test]
async fn the_predecessors_address_serves_no_other_grant() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    for grant_type in ["client_credentials", "authorization_code", "password"] {
        let form = Form::new().set("grant_type", grant_type);
        let answer = app.post_as(&client, ALIAS, &form).await;
        refused(&answer, "unsupported_grant_type");
    }
    for form in [Form::new(), Form::new().set("grant_type", "refresh_token")] {
        refused(&app.post_as(&client, ALIAS, &form).await, "invalid_request");
    }
    let plain = app
        .http
        .post(app.at(ALIAS))
        .header("content-type", "text/plain")
        .body("grant_type=refresh_token");
    refused(&read(plain).await, "invalid_request");
}
