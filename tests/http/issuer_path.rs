//! An issuer with a path (RFC 8414 §3.1, OpenID Connect Discovery §4): everything lives below the path, and the documents
//! are found where either standard looks.

use authly_testkit::{TestApp, site::claims, site::read};
use serde_json::Value;

const PATH: &str = "/tenants/a";

async fn app() -> TestApp {
    TestApp::builder()
        .set("issuer", &format!("http://127.0.0.1:1{PATH}"))
        .start()
        .await
}

fn origin(app: &TestApp) -> &str {
    app.url.strip_suffix(PATH).expect("the issuer has the path")
}

#[tokio::test]
async fn edge_70_documents_are_found_in_the_inserted_and_the_appended_form() {
    let app = app().await;
    let origin = origin(&app);
    for name in ["openid-configuration", "oauth-authorization-server"] {
        let mut documents = Vec::new();
        for url in [
            format!("{origin}/.well-known/{name}{PATH}"),
            format!("{origin}{PATH}/.well-known/{name}"),
        ] {
            let answer = read(app.http.get(&url)).await;
            assert_eq!(answer.status, 200, "{url}: {}", answer.body);
            documents.push(answer.json());
        }
        assert_eq!(documents[0], documents[1]);
        let document = documents[0].as_object().unwrap();
        assert_eq!(document["issuer"], app.url.as_str());
        let below = format!("{}/", app.url);
        for (member, value) in document {
            let is_url = member.ends_with("_endpoint") || member == "jwks_uri";
            assert!(
                !is_url || value.as_str().is_some_and(|url| url.starts_with(&below)),
                "{member}: {value}"
            );
        }
        let without = read(app.http.get(format!("{origin}/.well-known/{name}"))).await;
        assert_eq!(without.status, 404, "no issuer without the path");
    }
}

#[tokio::test]
async fn edge_70_a_person_signs_in_below_the_path() {
    let app = app().await;
    let client = app.public_client("spa").await;
    let user = app.user("ada").await;
    let (request, pkce) = app.authorization(&client, "openid profile offline_access");
    let mut browser = app.browser();
    let answer = app.grant(&mut browser, &request, &user).await;
    assert_eq!(answer.redirect_param("iss").as_deref(), Some(app.url.as_str()));
    let code = answer.redirect_param("code").expect("a code");
    let answer = app.token(&client, &app.exchange(&client, &code, &pkce)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    for name in ["id_token", "access_token"] {
        assert_eq!(claims(tokens[name].as_str().unwrap())["iss"], app.url.as_str());
    }
    let userinfo = app.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(userinfo.json()["sub"], user.id.as_str(), "{}", userinfo.body);
    // The pages of the person's own account, their style sheets included.
    let account = browser.get(app.at("/account/sessions")).await;
    assert_eq!(account.status, 200, "{}", account.body);
    for page in [
        &account,
        &app.authorize(&mut browser, &request.set("prompt", "login")).await,
    ] {
        for link in page.links() {
            let url = page.url.join(&link).unwrap();
            assert!(url.path().starts_with(PATH), "{link}");
        }
    }
}

#[tokio::test]
async fn edge_70_no_header_moves_the_issuer() {
    let app = app().await;
    let url = format!("{}/.well-known/openid-configuration", app.url);
    let expected = read(app.http.get(&url)).await;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        let answer = read(app.http.get(&url).header(name, value)).await;
        assert!(!answer.body.contains("evil"), "{name}: {}", answer.body);
        if answer.status == 200 {
            assert_eq!(answer.json(), expected.json(), "{name}");
        }
    }
    let client = app.public_client("spa").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    browser.headers = vec![
        ("x-forwarded-host", "evil.example".to_owned()),
        ("forwarded", "host=evil.example".to_owned()),
    ];
    let page = app.authorize(&mut browser, &request).await;
    assert!(
        page.has_field("password") && !page.body.contains("evil"),
        "{}",
        page.body
    );
    let refused = app.authorize(&mut browser, &request.set("prompt", "none")).await;
    assert_eq!(refused.redirect_param("iss"), Some(app.url.clone()));
}

#[tokio::test]
async fn the_key_set_is_where_the_document_says() {
    let app = app().await;
    let document = read(app.http.get(app.at("/.well-known/openid-configuration")))
        .await
        .json();
    let keys: Value = read(app.http.get(document["jwks_uri"].as_str().unwrap()))
        .await
        .json();
    assert!(
        keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()),
        "{keys}"
    );
}
