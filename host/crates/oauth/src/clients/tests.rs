//! What may be registered, and what is refused in which words.

use super::*;
use crate::{scopes, testing};

fn web() -> NewClient {
    NewClient {
        id: Some("web".into()),
        redirect_uris: vec!["https://c.example/cb".into()],
        scopes: vec!["openid profile".into(), "email".into()],
        ..NewClient::default()
    }
}

fn check(new: NewClient) -> Result<RegisteredClient, String> {
    let rng = testing::SeededRng::new(1);
    check_client(new, &scopes::seeded(), testing::NOW, &rng).map_err(|e| e.to_string())
}

#[test]
fn defaults_are_those_of_the_standards() {
    let registered = check(web()).unwrap();
    let client = registered.client;
    assert_eq!(client.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(client.id_token_signed_response_alg, SigningAlg::Rs256);
    assert_eq!(client.access_token_signed_response_alg, SigningAlg::Es256);
    assert_eq!(client.scopes.to_string(), "email openid profile");
    assert!(client.rotate_refresh_tokens && client.enabled);
    let secret = registered.generated_secret.unwrap();
    assert!(client.secret_hash.unwrap().verifies(secret.expose().as_bytes()));
}

#[test]
fn a_generated_client_id_differs_each_time() {
    let rng = testing::SeededRng::new(1);
    let (a, b) = (check_id(None, &rng).unwrap(), check_id(None, &rng).unwrap());
    assert!(a != b && a.as_str().starts_with("client_"));
}

#[test]
fn messages_name_the_field_and_the_remedy() {
    let cases: [(NewClient, &str); 8] = [
        (
            NewClient {
                id: Some("a b".into()),
                ..web()
            },
            "client_id must be",
        ),
        (
            NewClient {
                grant_types: vec!["password".into()],
                ..web()
            },
            "grant_type \"password\" is not supported",
        ),
        (
            NewClient {
                redirect_uris: vec![],
                ..web()
            },
            "needs at least one redirect_uri",
        ),
        (
            NewClient {
                redirect_uris: vec!["javascript:x".into()],
                ..web()
            },
            "redirect_uri \"javascript:x\"",
        ),
        (
            NewClient {
                scopes: vec!["nope".into()],
                ..web()
            },
            "scope nope is not defined",
        ),
        (
            NewClient {
                scopes: vec![],
                ..web()
            },
            "scope must name at least one",
        ),
        (
            NewClient {
                client_uri: Some("javascript:x".into()),
                ..web()
            },
            "client_uri \"javascript:x\" must be",
        ),
        (
            NewClient {
                audiences: vec!["a b".into()],
                ..web()
            },
            "audience \"a b\" must be",
        ),
    ];
    for (new, message) in cases {
        let error = check(new).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn grant_types_must_fit_the_rest() {
    let with = |method: &str, grants: &[&str]| {
        check(NewClient {
            token_endpoint_auth_method: Some(method.into()),
            grant_types: grants.iter().map(|g| (*g).into()).collect(),
            ..web()
        })
    };
    assert!(with("none", &["client_credentials"]).is_err());
    assert!(with("none", &["authorization_code", "refresh_token"]).is_ok());
    assert!(with("client_secret_post", &["client_credentials"]).is_ok());
    assert!(with("client_secret_post", &["refresh_token"]).is_err());
}

#[test]
fn a_public_client_may_not_keep_refresh_tokens() {
    let keeping = |method: &str| {
        check(NewClient {
            token_endpoint_auth_method: Some(method.into()),
            keep_refresh_tokens: true,
            ..web()
        })
    };
    let error = keeping("none").unwrap_err();
    assert!(error.contains("token_endpoint_auth_method none"), "{error}");
    assert!(
        !keeping("client_secret_basic")
            .unwrap()
            .client
            .rotate_refresh_tokens
    );
}

#[test]
fn a_client_of_its_own_needs_no_redirect_uri() {
    let service = NewClient {
        grant_types: vec!["client_credentials".into()],
        redirect_uris: vec![],
        scopes: vec!["read".into()],
        ..web()
    };
    assert!(check(service).is_ok());
}

#[test]
fn limits_hold() {
    let uris = |n: usize| {
        (0..n)
            .map(|i| format!("https://c.example/{i}"))
            .collect::<Vec<_>>()
    };
    assert!(
        check(NewClient {
            redirect_uris: uris(REDIRECT_URIS_MAX),
            ..web()
        })
        .is_ok()
    );
    assert!(
        check(NewClient {
            redirect_uris: uris(REDIRECT_URIS_MAX + 1),
            ..web()
        })
        .is_err()
    );
    assert!(
        check(NewClient {
            audiences: vec!["a".into(); AUDIENCES_MAX + 1],
            ..web()
        })
        .is_err()
    );
    assert!(
        check(NewClient {
            name: Some("x".repeat(NAME_LENGTH_MAX + 1)),
            ..web()
        })
        .is_err()
    );
}
