//! What certified providers do and other tests here are not about (OpenID Connect Core 1.0, RFC 6749).

use std::collections::BTreeSet;

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient, TestUser,
    browser::Answer,
    site::{claims, read},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

fn names(answer: &Answer) -> BTreeSet<String> {
    let pairs = answer.location();
    pairs.query_pairs().map(|(name, _)| name.into_owned()).collect()
}

/// What RFC 6749 A.7 and A.8 let an error and its description be made of.
fn assert_error_is_printable(error: &str, description: &str) {
    for text in [error, description] {
        let is_good = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        assert!(!text.is_empty() && text.chars().all(is_good), "{text:?}");
    }
}

#[tokio::test]
async fn a_confidential_client_needs_neither_pkce_nor_nonce_where_the_policy_says_so() {
    let app = TestApp::builder()
        .set("oauth.pkce_required", "public-clients")
        .start()
        .await;
    let user = app.user("alice").await;
    let client = app.confidential_client("web").await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let method_ = authly_core::client::AuthMethod::parse(method).expect("a method");
        app.change_client(&client, |client| client.token_endpoint_auth_method = method_)
            .await;
        let (request, pkce) = app.authorization(&client, "openid");
        let request = request
            .without("code_challenge")
            .without("code_challenge_method")
            .without("nonce");
        let back = app.grant(&mut app.browser(), &request, &user).await;
        let code = back.redirect_param("code").expect("a code");
        let form = app.exchange(&client, &code, &pkce).without("code_verifier");
        let answer = if method == "client_secret_post" {
            let secret = client.secret.clone().expect("a secret");
            let form = form.set("client_id", &client.id).set("client_secret", secret);
            app.token_with(None, &form).await
        } else {
            app.token(&client, &form).await
        };
        assert_eq!(answer.status, 200, "{method}: {}", answer.body);
        let tokens = answer.json();
        let claims = claims(tokens["id_token"].as_str().expect("an ID token"));
        assert!(claims.get("nonce").is_none(), "{claims}");
    }
}

#[tokio::test]
async fn a_code_cannot_be_guessed_and_comes_with_nothing_that_was_not_sent() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    let (request, _) = app.authorization(&client, "openid");
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        let back = app.grant(&mut browser, &request, &user).await;
        assert_eq!(names(&back), ["code", "iss", "state"].map(str::to_owned).into());
        assert_eq!(back.location().fragment(), None);
        let code = back.redirect_param("code").expect("a code");
        let random = URL_SAFE_NO_PAD.decode(&code).expect("base64url");
        assert!(random.len() * 8 >= 128, "{} bits", random.len() * 8);
        assert!(seen.insert(code), "no two are alike");
    }
    let back = app.grant(&mut browser, &request.without("state"), &user).await;
    assert_eq!(names(&back), ["code", "iss"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_long_nonce_reaches_the_id_token() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let mut browser = app.browser();
    for length in [64, 384] {
        let (request, pkce) = app.authorization(&client, "openid");
        let nonce = "0123456789abcdef".repeat(length / 16);
        let back = app
            .grant(&mut browser, &request.set("nonce", &nonce), &user)
            .await;
        let code = back.redirect_param("code").expect("a code");
        let tokens = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
        let tokens = tokens.json();
        assert_eq!(
            claims(tokens["id_token"].as_str().expect("an ID token"))["nonce"],
            nonce
        );
    }
}

#[tokio::test]
async fn errors_are_printable_and_carry_nothing_else() {
    let app = TestApp::start().await;
    let client = app.public_client("web").await;
    let (request, pkce) = app.authorization(&client, "openid");
    let allowed = ["error", "error_description", "error_uri", "state", "iss"];
    for (name, value) in [
        ("response_type", "tok\u{e9}n \"\\\r\n\t"),
        ("scope", "op\u{e9}nid \"\\\r\n\t"),
        ("prompt", "none log\"in\r\n"),
        ("max_age", "\t\"\\"),
        ("claims", "{\"\r\n\\"),
        ("request", "\"\\\r\n"),
        ("response_mode", "fragm\"ent\r\n"),
        ("code_challenge_method", "\"\\\r\n\u{e9}"),
    ] {
        let request = request.clone().set(name, value);
        let back = app.authorize(&mut app.browser(), &request).await;
        let error = back
            .redirect_param("error")
            .unwrap_or_else(|| panic!("{name}: no error in {}", back.location()));
        assert_error_is_printable(
            &error,
            &back.redirect_param("error_description").unwrap_or_default(),
        );
        for name in names(&back) {
            assert!(allowed.contains(&name.as_str()), "{name}");
        }
    }
    let good = app.exchange(&client, "unknown", &pkce);
    for (name, value) in [
        ("code", "\"\\\r\n\u{e9}"),
        ("grant_type", "\"\\\r\n\u{e9}"),
        ("client_id", "\"\\\r\n\u{e9}"),
        ("code_verifier", "\"\\\r\n\u{e9}"),
    ] {
        let answer = app.token_with(None, &good.clone().set(name, value)).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        assert_error_is_printable(text("error"), text("error_description"));
        for name in body.as_object().expect("an object").keys() {
            assert!(allowed[..3].contains(&name.as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_token_response_has_the_members_and_characters_of_the_standard() {
    let app = TestApp::start().await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let (code, pkce) = app.code(&client, &user, "openid offline_access").await;
    let first = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    let refresh = first.json()["refresh_token"]
        .as_str()
        .expect("a refresh token")
        .to_owned();
    let second = app.token(&client, &app.refresh(&client, &refresh)).await;
    for answer in [first, second] {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        let tokens = answer.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert!(tokens["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
        for name in ["access_token", "refresh_token", "id_token"] {
            let token = tokens[name].as_str().unwrap_or_else(|| panic!("no {name}"));
            assert!(token.bytes().all(|b| b.is_ascii_graphic()), "{name}: {token}");
        }
    }
}

#[tokio::test]
async fn the_metadata_says_everything_that_clients_rely_on() {
    let app = TestApp::start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let answer = app.request(reqwest::Method::GET, path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        let document = answer.json();
        assert_eq!(document["issuer"], app.url.as_str());
        for (name, value) in document.as_object().expect("an object") {
            match name.as_str() {
                "issuer" | "jwks_uri" => assert!(value.is_string(), "{name}"),
                name if name.ends_with("_endpoint") => {
                    let url: url::Url = value.as_str().expect("text").parse().expect("a URL");
                    assert!(url.as_str().starts_with(&app.url), "{name}: {url}");
                    assert_eq!((url.query(), url.fragment()), (None, None), "{name}");
                }
                name if name.ends_with("_parameter_supported") => assert!(value.is_boolean(), "{name}"),
                name => {
                    let values = value.as_array().unwrap_or_else(|| panic!("{name}: {value}"));
                    let distinct: BTreeSet<&str> = values.iter().filter_map(Value::as_str).collect();
                    assert!(!values.is_empty() && distinct.len() == values.len(), "{name}");
                }
            }
        }
    }
    let document = app.request(reqwest::Method::GET, "/.well-known/openid-configuration");
    let document = document.await.json();
    for (name, value) in [
        ("id_token_signing_alg_values_supported", "RS256"),
        ("userinfo_signing_alg_values_supported", "RS256"),
        ("scopes_supported", "openid"),
        ("response_types_supported", "code"),
        ("subject_types_supported", "public"),
        ("grant_types_supported", "authorization_code"),
        ("code_challenge_methods_supported", "S256"),
        ("claims_supported", "sub"),
    ] {
        let has = document[name]
            .as_array()
            .is_some_and(|all| all.contains(&json!(value)));
        assert!(has, "{name}: {}", document[name]);
    }
    for (name, value) in [
        ("claims_parameter_supported", true),
        ("request_parameter_supported", false),
        ("request_uri_parameter_supported", false),
        ("authorization_response_iss_parameter_supported", true),
    ] {
        assert_eq!(document[name], value, "{name}");
    }
    let algs = document["id_token_signing_alg_values_supported"].to_string();
    assert!(!algs.contains("none"), "{algs}");
}

#[tokio::test]
async fn published_keys_are_named_apart_and_strong_enough() {
    let app = TestApp::start().await;
    let set = read(app.http.get(app.at("/.well-known/jwks.json"))).await.json();
    let bits = |value: &Value| {
        let bytes = URL_SAFE_NO_PAD
            .decode(value.as_str().expect("text"))
            .expect("base64url");
        bytes.len() * 8
    };
    let mut kids = BTreeSet::new();
    for key in set["keys"].as_array().expect("keys") {
        assert!(kids.insert(key["kid"].as_str().expect("a kid")), "{key}");
        assert!(key["alg"].is_string() && key["use"] == "sig", "{key}");
        match key["kty"].as_str() {
            Some("RSA") => assert!(bits(&key["n"]) >= 2048, "{key}"),
            Some("EC") => assert_eq!((bits(&key["x"]), bits(&key["y"])), (256, 256), "{key}"),
            Some("OKP") => assert_eq!(bits(&key["x"]), 256, "{key}"),
            _ => panic!("{key}"),
        }
    }
}

#[tokio::test]
async fn the_consent_page_links_policy_and_terms_of_the_client() {
    let app = TestApp::start().await;
    let client = app
        .client(NewClient {
            id: Some("web".to_owned()),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            scopes: vec!["openid".to_owned()],
            token_endpoint_auth_method: Some("none".to_owned()),
            policy_uri: Some("https://web.example/privacy".to_owned()),
            tos_uri: Some("https://web.example/terms".to_owned()),
            ..NewClient::default()
        })
        .await;
    let user = app.user("alice").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &page, &user).await;
    assert!(page.has_field("decision"), "{} {}", page.status, page.body);
    for link in ["https://web.example/privacy", "https://web.example/terms"] {
        assert!(
            page.links().iter().any(|found| found == link),
            "{link}: {}",
            page.body
        );
    }
}

async fn refresh_token(app: &TestApp, client: &TestClient, user: &TestUser) -> Option<String> {
    let (request, pkce) = app.authorization(client, "openid offline_access");
    let request = request.set("prompt", "consent");
    let mut browser = app.browser();
    let page = app.authorize(&mut browser, &request).await;
    let page = app.sign_in(&mut browser, &page, user).await;
    let back = app.decide(&mut browser, &page, "allow").await;
    let code = back.redirect_param("code").expect("a code");
    let answer = app.token(client, &app.exchange(client, &code, &pkce)).await;
    answer.json()["refresh_token"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn offline_access_with_prompt_consent_gives_a_refresh_token_of_one_client() {
    let app = TestApp::start().await;
    let (client, other) = (
        app.confidential_client("web").await,
        app.confidential_client("other").await,
    );
    let user = app.user("alice").await;
    for _ in 0..2 {
        let token = refresh_token(&app, &client, &user)
            .await
            .expect("a refresh token");
        let stolen = app.token(&other, &app.refresh(&other, &token)).await;
        assert_eq!(
            (stolen.status.as_u16(), &stolen.json()["error"]),
            (400, &json!("invalid_grant"))
        );
        let answer = app.token(&client, &app.refresh(&client, &token)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
