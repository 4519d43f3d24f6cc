//! The discovery document against what the server really does: everything it names is used here, and a name that no arm
//! of these tests knows fails (OpenID Connect Discovery §3, RFC 8414 §2).

use authly_oauth::clients::NewClient;
use authly_testkit::{
    TestApp, TestClient,
    client::{Form, basic},
    site::{claims, jose_header, read},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

use crate::client_key::{ClientKey, assertion_claims, sign_with_secret, with_assertion};

async fn document(app: &TestApp) -> Value {
    read(app.http.get(app.at("/.well-known/openid-configuration")))
        .await
        .json()
}

fn list<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    let values = document[name].as_array().unwrap_or_else(|| panic!("no {name}"));
    assert!(!values.is_empty(), "{name} is empty");
    values.iter().map(|value| value.as_str().expect("text")).collect()
}

fn service(id: &str, method: &str) -> NewClient {
    let is_public = method == "none";
    NewClient {
        id: Some(id.to_owned()),
        redirect_uris: vec![format!("https://{id}.example/cb")],
        grant_types: vec![
            if is_public {
                "authorization_code"
            } else {
                "client_credentials"
            }
            .to_owned(),
        ],
        scopes: vec!["read".to_owned()],
        token_endpoint_auth_method: Some(method.to_owned()),
        ..NewClient::default()
    }
}

/// A client with a key of its own.
struct KeyClient {
    client: TestClient,
    key: ClientKey,
}

impl KeyClient {
    async fn register(app: &TestApp, alg: &str) -> Self {
        let key = ClientKey::generate(algorithm(alg), alg);
        let client = app
            .client(NewClient {
                jwks: Some(key.jwks()),
                token_endpoint_auth_signing_alg: Some(alg.to_owned()),
                ..service(&format!("key-{}", alg.to_lowercase()), "private_key_jwt")
            })
            .await;
        Self { client, key }
    }
}

fn algorithm(name: &str) -> Algorithm {
    name.parse()
        .unwrap_or_else(|_| panic!("{name} is not known here"))
}

/// One way in which one client authenticates.
enum Way {
    Basic(TestClient),
    Post(TestClient),
    SecretJwt(TestClient),
    KeyJwt(KeyClient),
    Public(TestClient),
}

impl Way {
    async fn register(app: &TestApp, method: &str, alg: Option<&str>) -> Self {
        match (method, alg) {
            ("client_secret_basic", _) => Self::Basic(app.client(service("basic", method)).await),
            ("client_secret_post", _) => Self::Post(app.client(service("post", method)).await),
            ("client_secret_jwt", _) => Self::SecretJwt(app.client(service("secret-jwt", method)).await),
            ("private_key_jwt", Some(alg)) => Self::KeyJwt(KeyClient::register(app, alg).await),
            ("none", _) => Self::Public(app.client(service("public", method)).await),
            _ => panic!("no test uses the method {method}"),
        }
    }

    async fn send(&self, app: &TestApp, url: &str, form: &Form) -> authly_testkit::browser::Answer {
        let mut form = form.clone();
        let mut request = app.http.post(url);
        match self {
            Self::Basic(client) => {
                let secret = client.secret.as_deref().unwrap();
                request = request.header("authorization", basic(&client.id, secret));
            }
            Self::Post(client) => {
                let secret = client.secret.as_deref().unwrap();
                form = form.set("client_id", &client.id).set("client_secret", secret);
            }
            Self::SecretJwt(client) => {
                let secret = client.secret.as_deref().unwrap().as_bytes();
                form = with_assertion(
                    &form,
                    &sign_with_secret(secret, &assertion_claims(app, &client.id)),
                );
            }
            Self::KeyJwt(KeyClient { client, key }) => {
                form = with_assertion(&form, &key.sign(&assertion_claims(app, &client.id)));
            }
            Self::Public(client) => form = form.set("client_id", &client.id),
        }
        read(request.form(&form.pairs())).await
    }
}

/// Every advertised method of an endpoint, `private_key_jwt` once for each advertised algorithm.
fn ways<'a>(document: &'a Value, endpoint: &str) -> Vec<(&'a str, Option<&'a str>)> {
    let algs = list(
        document,
        &format!("{endpoint}_endpoint_auth_signing_alg_values_supported"),
    );
    assert!(algs.contains(&"HS256"), "client_secret_jwt needs it");
    let of = |method| -> Vec<Option<&str>> {
        match method {
            "private_key_jwt" => algs
                .iter()
                .filter(|alg| **alg != "HS256")
                .copied()
                .map(Some)
                .collect(),
            _ => vec![None],
        }
    };
    list(document, &format!("{endpoint}_endpoint_auth_methods_supported"))
        .into_iter()
        .flat_map(|method| of(method).into_iter().map(move |alg| (method, alg)))
        .collect()
}

#[tokio::test]
async fn every_advertised_way_of_client_authentication_works_at_its_endpoint() {
    let grant = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let about = Form::new().set("token", "unknown");
    for (endpoint, form) in [
        ("token", &grant),
        ("introspection", &about),
        ("revocation", &about),
    ] {
        let app = TestApp::start().await;
        let document = document(&app).await;
        let url = document[format!("{endpoint}_endpoint")].as_str().unwrap();
        for (method, alg) in ways(&document, endpoint) {
            let way = Way::register(&app, method, alg).await;
            let answer = way.send(&app, url, form).await;
            // A public client may use the code grant only: it gets as far as being told so.
            if endpoint == "token" && method == "none" {
                assert_eq!(answer.json()["error"], "unauthorized_client", "{}", answer.body);
            } else {
                assert_eq!(answer.status, 200, "{endpoint} {method} {alg:?}: {}", answer.body);
            }
        }
    }
}

async fn verify(app: &TestApp, token: &str, alg: &str) -> Value {
    let set: JwkSet =
        serde_json::from_value(read(app.http.get(app.at("/.well-known/jwks.json"))).await.json()).unwrap();
    let header = jose_header(token);
    assert_eq!(header["alg"], alg);
    let key = set
        .find(header["kid"].as_str().unwrap())
        .expect("a published key");
    let mut validation = Validation::new(algorithm(alg));
    validation.validate_aud = false;
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .expect("a good signature")
        .claims
}

#[tokio::test]
async fn every_advertised_signing_algorithm_signs() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let user = app.user("ada").await;
    let id_token_algs = list(&document, "id_token_signing_alg_values_supported");
    assert_eq!(
        id_token_algs,
        list(&document, "userinfo_signing_alg_values_supported")
    );
    assert!(id_token_algs.contains(&"RS256"), "OpenID Connect Discovery §3");
    for alg in id_token_algs {
        let client = app.public_client(&alg.to_lowercase()).await;
        app.change_client(&client, |client| {
            let alg = authly_core::key::SigningAlg::parse(alg).expect("an algorithm");
            client.id_token_signed_response_alg = alg;
            client.access_token_signed_response_alg = alg;
            client.userinfo_signed_response_alg = Some(alg);
        })
        .await;
        let tokens = app.tokens(&client, &user, "openid").await;
        for name in ["id_token", "access_token"] {
            let verified = verify(&app, tokens[name].as_str().unwrap(), alg).await;
            assert_eq!(verified["sub"], user.id.as_str());
        }
        let userinfo = app.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert!(userinfo.header("content-type").starts_with("application/jwt"));
        assert_eq!(verify(&app, &userinfo.body, alg).await["sub"], user.id.as_str());
    }
}

#[tokio::test]
async fn every_advertised_choice_of_an_authorization_request_is_taken() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let client = app.public_client("spa").await;
    let user = app.user("ada").await;
    let (request, _) = app.authorization(&client, "openid");
    let mut browser = app.browser();
    app.grant(&mut browser, &request, &user).await;
    for (parameter, name) in [
        ("response_type", "response_types_supported"),
        ("code_challenge_method", "code_challenge_methods_supported"),
        ("display", "display_values_supported"),
        ("acr_values", "acr_values_supported"),
    ] {
        for value in list(&document, name) {
            let request = request.clone().set(parameter, value);
            let answer = app.authorize(&mut browser, &request).await;
            assert!(
                answer.redirect_param("code").is_some(),
                "{parameter}={value}: {}",
                answer.body
            );
        }
    }
    for mode in list(&document, "response_modes_supported") {
        let answer = app
            .authorize(&mut browser, &request.clone().set("response_mode", mode))
            .await;
        match mode {
            "query" => assert!(answer.redirect_param("code").is_some()),
            "form_post" => assert!(answer.hidden_fields().contains_key("code"), "{}", answer.body),
            _ => panic!("no test uses the response mode {mode}"),
        }
    }
    for prompt in list(&document, "prompt_values_supported") {
        let answer = app
            .authorize(&mut browser, &request.clone().set("prompt", prompt))
            .await;
        match prompt {
            "none" => assert!(answer.redirect_param("code").is_some()),
            "login" => assert!(answer.has_field("password"), "{}", answer.body),
            "consent" => assert!(answer.has_field("decision"), "{}", answer.body),
            "select_account" => assert_eq!(
                (answer.status.as_u16(), answer.has_field("password")),
                (200, false)
            ),
            _ => panic!("no test uses the prompt {prompt}"),
        }
    }
    let told = app
        .authorize(&mut browser, &request.clone().set("request", "e30.e30."))
        .await;
    app.assert_client_told(&told, &request, "request_not_supported");
    assert_eq!(document["request_parameter_supported"], false);
}

#[tokio::test]
async fn every_advertised_grant_gives_tokens() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let user = app.user("ada").await;
    let client = app.confidential_client("web").await;
    let service = app.service_client("service").await;
    for grant in list(&document, "grant_types_supported") {
        let tokens = match grant {
            "authorization_code" => app.tokens(&client, &user, "openid").await,
            "refresh_token" => {
                let tokens = app.tokens(&client, &user, "openid offline_access").await;
                let refresh = tokens["refresh_token"].as_str().unwrap();
                app.token(&client, &app.refresh(&client, refresh)).await.json()
            }
            "client_credentials" => {
                let form = Form::new().set("grant_type", grant).set("scope", "read");
                app.token(&service, &form).await.json()
            }
            _ => panic!("no test uses the grant {grant}"),
        };
        assert_eq!(tokens["token_type"], "Bearer", "{grant}: {tokens}");
    }
}

#[tokio::test]
async fn every_advertised_scope_and_claim_reaches_a_client() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let claims_of_a_person = json!({
        "name": "Ada Lovelace", "family_name": "Lovelace", "given_name": "Ada", "middle_name": "King",
        "nickname": "Ada", "profile": "https://ada.example/", "picture": "https://ada.example/a.png",
        "website": "https://ada.example/", "gender": "female", "birthdate": "1815-12-10",
        "zoneinfo": "Europe/London", "locale": "en-GB", "email": "ada@example.com", "email_verified": true,
        "phone_number": "+44 20 1234 5678", "phone_number_verified": true,
        "address": { "country": "GB", "locality": "London" },
    });
    let user = app.user_with("ada", claims_of_a_person, false).await;
    let scopes = list(&document, "scopes_supported");
    let client = app
        .client(NewClient {
            id: Some("web".to_owned()),
            redirect_uris: vec!["https://web.example/cb".to_owned()],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..NewClient::default()
        })
        .await;
    let tokens = app.tokens(&client, &user, &scopes.join(" ")).await;
    let mut granted: Vec<&str> = tokens["scope"].as_str().unwrap().split(' ').collect();
    granted.sort_unstable();
    assert_eq!(granted, scopes);
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    let userinfo = app
        .userinfo(tokens["access_token"].as_str().unwrap())
        .await
        .json();
    for claim in list(&document, "claims_supported") {
        let told = !id_token[claim].is_null() || !userinfo[claim].is_null();
        assert!(told, "{claim} reaches nobody: {id_token} {userinfo}");
    }
    for claim in userinfo.as_object().unwrap().keys() {
        assert!(
            list(&document, "claims_supported").contains(&claim.as_str()),
            "{claim} is not advertised"
        );
    }
}

#[tokio::test]
async fn every_advertised_endpoint_is_there() {
    let app = TestApp::start().await;
    let document = document(&app).await;
    let urls = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    let mut seen = 0;
    for (name, url) in urls {
        let answer = read(app.http.get(url.as_str().unwrap())).await;
        assert_ne!(answer.status, 404, "{name}");
        seen += 1;
    }
    assert_eq!(
        seen, 7,
        "authorization, token, userinfo, introspection, revocation, end session, keys"
    );
    // What is not built yet has no place in the document.
    for later in [
        "registration_endpoint",
        "pushed_authorization_request_endpoint",
        "device_authorization_endpoint",
        "backchannel_authentication_endpoint",
        "dpop_signing_alg_values_supported",
        "check_session_iframe",
        "backchannel_logout_supported",
        "frontchannel_logout_supported",
    ] {
        assert!(document.get(later).is_none(), "{later}");
    }
    // The OAuth document says nothing else about what both describe (RFC 8414 §2).
    let oauth = read(app.http.get(app.at("/.well-known/oauth-authorization-server")))
        .await
        .json();
    for (name, value) in oauth.as_object().unwrap() {
        assert_eq!(value, &document[name], "{name}");
    }
}
