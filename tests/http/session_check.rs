//! The predecessor's session check tells the truth, from the session cookie alone.

use authly_testkit::{TestApp, site::read};

use crate::account::enter;

#[tokio::test]
async fn session_check_says_whether_this_browser_is_signed_in() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let before = browser.get("/oidc/session/check?client_id=web").await;
    let now = "2";
    assert_eq!(before.status, 200);
    assert_eq!(before.header("cache-control"), "no-store");
    let body = before.json();
    assert_eq!(body["session_state"], "logged_out");
    assert_eq!(
        (&body["authenticated"], &body["client_id"]),
        (&false.into(), &"web".into())
    );
    assert!(
        body["check_time"].as_str().unwrap().starts_with(now)
            && body["check_time"].as_str().unwrap().ends_with('Z')
    );

    enter(&mut browser, "/account", &user).await;
    let body = browser.get("/oidc/session/check").await.json();
    assert_eq!(body["session_state"], "active");
    assert_eq!(
        (&body["authenticated"], &body["client_id"]),
        (&true.into(), &serde_json::Value::Null)
    );
    // Its members are those that the predecessor's callers read.
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        ["authenticated", "check_time", "client_id", "session_state"]
    );

    app.set_user_enabled(&user, false).await;
    assert_eq!(
        browser.get("/oidc/session/check").await.json()["authenticated"],
        false
    );
}

#[tokio::test]
async fn session_check_believes_no_header_and_no_made_up_cookie() {
    let app = TestApp::start().await;
    for (name, value) in [
        ("authorization", "Bearer anything"),
        ("cookie", "session=x; sessionid=x; authly-default=x"),
    ] {
        let answer = read(app.http.get(app.at("/oidc/session/check")).header(name, value)).await;
        assert_eq!(answer.json()["authenticated"], false, "{name}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "",
            "and no other site reads it"
        );
    }
    let odd = app.browser().get("/oidc/session/check?client_id=a%20b").await;
    assert_eq!(
        odd.json()["client_id"],
        serde_json::Value::Null,
        "what cannot be one is not echoed"
    );
}
