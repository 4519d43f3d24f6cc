//! PKCE and nonce at the authorization endpoint: what binds a code to its request cannot be left out on the way.

use authly_testkit::{TestApp, client::Form, site::claims};

#[tokio::test]
async fn edge_25_a_code_challenge_of_another_length_or_alphabet_is_invalid_request() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, _) = app.authorization(&client, "openid");
    let good = "a".repeat(42);
    for challenge in [
        "a".repeat(42),
        "a".repeat(129),
        format!("{good}+"),
        format!("{good}="),
        format!("{good}/"),
        format!("{good} "),
        format!("{good}é"),
        format!("{good}\n"),
    ] {
        let request = request.clone().set("code_challenge", challenge);
        app.assert_client_told(
            &app.authorize(&mut app.browser(), &request).await,
            &request,
            "invalid_request",
        );
    }
    for length in [43, 128] {
        let request = request.clone().set("code_challenge", "a".repeat(length));
        assert!(
            app.authorize(&mut app.browser(), &request)
                .await
                .has_field("password"),
            "{length}"
        );
    }
}

#[tokio::test]
async fn edge_26_plain_is_refused_by_name_and_by_omission() {
    let app = TestApp::builder()
        .set("oauth.pkce_required", "public-clients")
        .start()
        .await;
    let public = app.public_client("web").await;
    let confidential = app.confidential_client("back").await;
    for client in [&public, &confidential] {
        let (request, pkce) = app.authorization(client, "openid");
        for request in [
            request.clone().set("code_challenge_method", "plain"),
            request
                .clone()
                .set("code_challenge_method", "plain")
                .set("code_challenge", &pkce.verifier),
            request.clone().without("code_challenge_method"),
            request.clone().set("code_challenge_method", ""),
            request.clone().set("code_challenge_method", "s256"),
            request.clone().set("code_challenge_method", "S512"),
        ] {
            let answer = app.authorize(&mut app.browser(), &request).await;
            app.assert_client_told(&answer, &request, "invalid_request");
        }
    }
    let metadata = app
        .request(reqwest::Method::GET, "/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
}

fn without_pkce(request: &Form) -> Form {
    request
        .clone()
        .without("code_challenge")
        .without("code_challenge_method")
}

#[tokio::test]
async fn pkce_cannot_be_left_out_where_the_policy_asks_for_it() {
    let strict = TestApp::start().await;
    let lenient = TestApp::builder()
        .set("oauth.pkce_required", "public-clients")
        .start()
        .await;
    for (app, confidential_may) in [(&strict, false), (&lenient, true)] {
        let (public, confidential) = (
            app.public_client("web").await,
            app.confidential_client("back").await,
        );
        for (client, may) in [(&public, false), (&confidential, confidential_may)] {
            let (request, _) = app.authorization(client, "openid");
            let request = without_pkce(&request);
            let answer = app.authorize(&mut app.browser(), &request).await;
            if may {
                assert!(answer.has_field("password"), "{} {}", answer.status, answer.body);
                // nonce is optional in the code flow (OIDC Core section 3.1.2.1).
                let bare = request.clone().without("nonce");
                let answer = app.authorize(&mut app.browser(), &bare).await;
                assert!(answer.has_field("password"), "{} {}", answer.status, answer.body);
            } else {
                app.assert_client_told(&answer, &request, "invalid_request");
            }
            // A method alone is a challenge that got lost.
            let lost = request.set("code_challenge_method", "S256");
            let answer = app.authorize(&mut app.browser(), &lost).await;
            app.assert_client_told(&answer, &lost, "invalid_request");
        }
    }
}

#[tokio::test]
async fn nonce_reaches_the_id_token_unchanged_and_is_never_made_up() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    for nonce in [Some("n \"ü€😀\" \\ +%20"), None] {
        let (request, pkce) = app.authorization(&client, "openid");
        let request = nonce.map_or(request.clone().without("nonce"), |nonce| {
            request.set("nonce", nonce)
        });
        let back = app.grant(&mut browser, &request, &user).await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app
            .token(&client, &app.exchange(&client, &code, &pkce))
            .await
            .json();
        let claims = claims(tokens["id_token"].as_str().expect("an ID token"));
        assert_eq!(claims.get("nonce").and_then(serde_json::Value::as_str), nonce);
    }
}
