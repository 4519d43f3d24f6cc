//! The account API: registration, and who may ask what of an account.

use std::time::Duration;

use authly_testkit::{TestApp, TestClient, TestUser, browser::Answer, site::read};
use reqwest::Method;
use serde_json::{Value, json};

const USERS: &str = "/api/v1/users/";
pub(crate) const CHANGE: &str = "/api/v1/auth/change-password";
pub(crate) const STATUS: &str = "/api/v1/auth/password-status";
const ME: &str = "/api/v1/users/me";

async fn open() -> TestApp {
    TestApp::builder()
        .set("accounts.registration", "open")
        .set("accounts.registration_burst", "100")
        .start()
        .await
}

async fn register(app: &TestApp, body: &Value) -> Answer {
    read(app.http.post(app.at(USERS)).json(body)).await
}

fn registration(username: &str) -> Value {
    json!({ "username": username, "email": format!("{username}@example.com"), "password": "correct horse battery" })
}

/// A client that may be granted the account API.
pub(crate) async fn account_client(app: &TestApp) -> TestClient {
    app.client(authly_oauth::clients::NewClient {
        id: Some("web".to_owned()),
        token_endpoint_auth_method: Some("none".to_owned()),
        redirect_uris: vec!["https://web.example/callback".to_owned()],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: "openid profile phone offline_access profile:write account:read account:write"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        ..Default::default()
    })
    .await
}

/// Tokens with all it takes.
pub(crate) async fn tokens(app: &TestApp, client: &TestClient, user: &TestUser) -> (String, String) {
    let scope = "openid profile phone offline_access profile:write account:read account:write";
    let tokens = app.tokens(client, user, scope).await;
    let text = |name: &str| tokens[name].as_str().expect(name).to_owned();
    (text("access_token"), text("refresh_token"))
}

pub(crate) async fn get(app: &TestApp, path: &str, token: &str) -> Answer {
    read(app.http.get(app.at(path)).bearer_auth(token)).await
}

pub(crate) async fn send(app: &TestApp, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    read(
        app.http
            .request(method, app.at(path))
            .bearer_auth(token)
            .json(body),
    )
    .await
}

pub(crate) fn assert_refused(answer: &Answer, status: u16, says: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let body = answer.json();
    assert!(body["error"].is_string(), "{body}");
    assert!(
        body["error_description"].as_str().unwrap().contains(says),
        "{body}"
    );
}

#[tokio::test]
async fn registration_is_closed_unless_it_is_opened() {
    let app = TestApp::start().await;
    let answer = register(&app, &registration("alice")).await;
    assert_refused(&answer, 403, "Ask an administrator");
    assert!(app.tenant.load_login("alice").await.unwrap().is_none());
}

#[tokio::test]
async fn whoever_registers_can_sign_in_and_is_nobody_special() {
    let app = open().await;
    let mut body = registration("alice");
    for (member, value) in [
        ("is_admin", json!(true)),
        ("is_verified", json!(true)),
        ("verified", json!(true)),
        ("email_verified", json!(true)),
        ("groups", json!(["admin"])),
        ("claims", json!({ "department": "Board" })),
        ("id", json!("01890000-0000-7000-8000-000000000000")),
    ] {
        body[member] = value;
    }
    let answer = register(&app, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let at = made["created_at"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.len() == 20, "{at}");
    let expected = json!({
        "id": made["id"], "username": "alice", "email": "alice@example.com", "created_at": at, "updated_at": at,
        "last_login": null, "is_active": true, "is_verified": false, "is_admin": false,
    });
    assert_eq!(made, expected);
    let stored = app.tenant.load_login("alice").await.unwrap().unwrap().user;
    assert!(!stored.is_admin && !stored.verified && stored.groups.is_empty());
    assert_eq!(
        Value::Object(stored.claims),
        json!({ "email": "alice@example.com", "email_verified": false })
    );

    let user = TestUser {
        id: stored.id.to_string(),
        username: "alice".to_owned(),
        password: "correct horse battery".to_owned(),
    };
    let (access, _) = tokens(&app, &account_client(&app).await, &user).await;
    let me = get(&app, ME, &access).await.json();
    assert_eq!(me["id"], made["id"]);
    assert!(me["last_login"].is_string(), "{me}");
}

#[tokio::test]
async fn registration_is_refused_with_what_to_change() {
    let app = open().await;
    assert_eq!(register(&app, &registration("alice")).await.status, 201);
    let with = |member: &str, value: Value| {
        let mut body = registration("bob");
        body[member] = value;
        body
    };
    for (body, says) in [
        (with("username", json!("ALICE")), "the user name is taken"),
        (
            with("username", json!("a\u{0}b")),
            "a user name has 1 to 64 characters",
        ),
        (
            with("username", json!("x".repeat(65))),
            "a user name has 1 to 64 characters",
        ),
        (
            with("username", json!(7)),
            "username is missing, or is not a string",
        ),
        (with("email", Value::Null), "email is missing, or is not a string"),
        (with("email", json!("nowhere")), "it must be an e-mail address"),
        (with("password", json!("short")), "at least 8 characters"),
        (with("password", json!("x".repeat(1025))), "at most 1024 bytes"),
        (with("password", json!("password1")), "too easy to guess"),
        (
            with("password", json!("bob@example.com")),
            "e-mail address with little else",
        ),
    ] {
        assert_refused(&register(&app, &body).await, 400, says);
    }
    // That somebody has the address is nobody's business.
    let same_address = with("email", json!("alice@example.com"));
    assert_eq!(register(&app, &same_address).await.status, 201);
    let form = read(app.http.post(app.at(USERS)).form(&[("username", "carol")])).await;
    assert_refused(&form, 415, "application/json");
    // The predecessor redirected the other form; clients that follow would send the password twice.
    let other = read(
        app.http
            .post(app.at("/api/v1/users"))
            .json(&registration("carol")),
    )
    .await;
    assert_eq!(other.status, 201, "{}", other.body);
}

#[tokio::test]
async fn one_address_cannot_register_without_a_pause() {
    let app = TestApp::builder()
        .set("accounts.registration", "open")
        .set("accounts.registration_rate_per_minute", "60")
        .set("accounts.registration_burst", "3")
        .start()
        .await;
    for i in 0..3 {
        assert_eq!(
            register(&app, &registration(&format!("user{i}"))).await.status,
            201
        );
    }
    let answer = register(&app, &registration("user3")).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "1"));
    app.advance(Duration::from_secs(1));
    assert_eq!(register(&app, &registration("user3")).await.status, 201);
}

#[tokio::test]
async fn account_api_needs_its_scope() {
    let app = TestApp::start().await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let weak = app.tokens(&client, &user, "openid profile").await;
    let weak = weak["access_token"].as_str().unwrap();
    for (method, path, scope) in [
        (Method::GET, ME, "account:read"),
        (Method::GET, STATUS, "account:read"),
        (Method::POST, CHANGE, "account:write"),
        (Method::PUT, "/oidc/userinfo", "profile:write"),
    ] {
        let answer = send(&app, method, path, weak, &json!({})).await;
        assert_eq!(answer.status, 403, "{path}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.contains("insufficient_scope") && challenge.contains(&format!("scope=\"{scope}\"")),
            "{challenge}"
        );
    }
    let (access, _) = tokens(&app, &client, &user).await;
    let me = get(&app, ME, &access).await.json();
    assert_eq!(
        (&me["username"], &me["email"]),
        (&json!("alice"), &json!("alice@example.com"))
    );
    app.set_user_enabled(&user, false).await;
    for path in [ME, STATUS] {
        assert_eq!(get(&app, path, &access).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn policy_of_the_operator_holds() {
    let app = TestApp::builder()
        .set("accounts.registration", "open")
        .set("accounts.password_length_min", "12")
        .set("accounts.password_strength_min", "0")
        .start()
        .await;
    let mut body = registration("alice");
    body["password"] = json!("qwertyuiop1");
    assert_refused(&register(&app, &body).await, 400, "at least 12 characters");
    body["password"] = json!("qwertyuiop12");
    assert_eq!(register(&app, &body).await.status, 201);
}

#[tokio::test]
async fn unverified_person_is_refused_where_verification_is_required() {
    let app = TestApp::builder()
        .set("accounts.registration", "open")
        .set("accounts.unverified", "refused")
        .start()
        .await;
    let client = account_client(&app).await;
    let made = register(&app, &registration("alice")).await.json();
    let user = TestUser {
        id: made["id"].as_str().unwrap().to_owned(),
        username: "alice".to_owned(),
        password: "correct horse battery".to_owned(),
    };
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let page = app.authorize(&mut browser, &request).await;
    let again = app.sign_in(&mut browser, &page, &user).await;
    assert!(again.has_field("password"), "{}", again.body);

    let mut stored = app.tenant.load_login("alice").await.unwrap().unwrap().user;
    stored.verified = true;
    let effects = authly_core::Effects::none;
    app.tenant.update_user(&stored, effects()).await.unwrap();
    let (access, refresh) = tokens(&app, &client, &user).await;
    assert_eq!(get(&app, ME, &access).await.json()["is_verified"], true);

    // At every later step, not only at its start.
    let mut stored = app.tenant.load_login("alice").await.unwrap().unwrap().user;
    stored.verified = false;
    app.tenant.update_user(&stored, effects()).await.unwrap();
    assert_eq!(get(&app, ME, &access).await.status, 401);
    assert_eq!(app.userinfo(&access).await.status, 401);
    let answer = app.token(&client, &app.refresh(&client, &refresh)).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}
