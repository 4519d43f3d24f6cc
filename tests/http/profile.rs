//! A person says who they are: `PUT /oidc/userinfo`.

use std::time::Duration;

use authly_testkit::{TestApp, browser::Answer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::users::{account_client, assert_refused, send, tokens};

async fn put(app: &TestApp, token: &str, body: Value) -> Answer {
    send(app, Method::PUT, "/oidc/userinfo", token, &body).await
}

#[tokio::test]
async fn profile_is_refused_whole_for_one_claim() {
    let app = TestApp::start().await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (access, _) = tokens(&app, &client, &user).await;
    let before = app.userinfo(&access).await.json();
    for (body, says) in [
        (
            json!({ "name": "Ada", "email": "x@example.com" }),
            "claim email: it cannot be changed here",
        ),
        (
            json!({ "name": "Ada", "email_verified": true }),
            "claim email_verified: ",
        ),
        (
            json!({ "name": "Ada", "phone_number_verified": true }),
            "claim phone_number_verified: ",
        ),
        (json!({ "name": "Ada", "sub": "x" }), "claim sub: "),
        (
            json!({ "name": "Ada", "preferred_username": "admin" }),
            "claim preferred_username: ",
        ),
        (
            json!({ "name": "Ada", "favourite_colour": "red" }),
            "claim favourite_colour: ",
        ),
        (json!({ "name": 7 }), "claim name: it must be a string"),
        (
            json!({ "name": "x".repeat(1025) }),
            "claim name: it must have 1 to 1024 bytes",
        ),
        (
            json!({ "picture": "http://example.com/a" }),
            "claim picture: it must be an https URL",
        ),
        (json!({ "website": "javascript:alert(1)" }), "claim website: "),
        (
            json!({ "birthdate": "1815-02-30" }),
            "claim birthdate: it must be YYYY-MM-DD",
        ),
        (json!({ "zoneinfo": "../etc/passwd" }), "claim zoneinfo: "),
        (json!({ "locale": "english!" }), "claim locale: "),
        (json!({ "phone_number": "call me" }), "claim phone_number: "),
        (json!({ "address": { "planet": "Mars" } }), "claim address: "),
        (json!({}), "names no claim"),
    ] {
        assert_refused(&put(&app, &access, body).await, 400, says);
    }
    assert_eq!(app.userinfo(&access).await.json(), before, "all or nothing");
}

#[tokio::test]
async fn profile_is_the_persons_to_change_claim_by_claim() {
    let app = TestApp::start().await;
    let (client, user) = (account_client(&app).await, app.user("alice").await);
    let (access, _) = tokens(&app, &client, &user).await;
    let before = app.userinfo(&access).await.json();
    app.advance(Duration::from_secs(5));
    let body = json!({
        "name": "Ada Lovelace", "given_name": null, "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
        "locale": "en-GB", "picture": "https://example.com/ada.png", "phone_number": "+44 20 7946 0000",
    });
    let answer = put(&app, &access, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let info = answer.json();
    assert_eq!(info, app.userinfo(&access).await.json());
    assert_eq!(
        (&info["name"], &info["locale"]),
        (&json!("Ada Lovelace"), &json!("en-GB"))
    );
    assert!(info.get("given_name").is_none());
    assert_eq!(info["phone_number"], "+44 20 7946 0000");
    assert_eq!(info["phone_number_verified"], false, "nobody verified this one");
    assert_eq!(
        info["updated_at"].as_i64().unwrap(),
        before["updated_at"].as_i64().unwrap() + 5
    );
}
