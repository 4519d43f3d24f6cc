//! What may be registered, and what is refused in which words.

use authly_core::{
    client::{AuthMethod, GrantType},
    key::SigningAlg,
};

use super::{check::check_id, *};
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
    check_new(new, &scopes::seeded(), testing::NOW, &rng).map_err(|e| e.to_string())
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

const KEYS: &str = r#"{"keys":[{"kty":"EC","kid":"p","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}]}"#;
const OCT: &str = r#"{"keys":[{"kty":"oct","kid":"s","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}]}"#;
const PRIVATE: &str = r#"{"keys":[{"kty":"EC","kid":"p","crv":"P-256","d":"AA","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}]}"#;

fn by_key() -> NewClient {
    NewClient {
        token_endpoint_auth_method: Some("private_key_jwt".into()),
        jwks: Some(KEYS.into()),
        ..web()
    }
}

/// The registration with a change is refused in these words.
fn refused(edit: impl FnOnce(&mut NewClient), says: &str) {
    let mut new = by_key();
    edit(&mut new);
    let refused = check(new).unwrap_err();
    assert!(refused.contains(says), "{refused}");
}

#[test]
fn private_key_jwt_needs_public_keys_in_one_way() {
    let registered = check(by_key()).unwrap();
    assert!(registered.generated_secret.is_none() && registered.client.secret_hash.is_none());
    let uri = |uri: &str| Some(uri.to_owned());
    let elsewhere = NewClient {
        jwks: None,
        jwks_uri: uri("https://c.example/jwks"),
        ..by_key()
    };
    assert!(check(elsewhere).is_ok());
    refused(|new| new.jwks = None, "needs the client's public keys");
    refused(
        |new| new.jwks_uri = uri("https://c.example/jwks"),
        "exclude each other",
    );
    let open = |new: &mut NewClient| {
        new.jwks = None;
        new.jwks_uri = uri("http://c.example/jwks");
    };
    refused(open, "must be an absolute https URL");
    refused(|new| new.jwks = Some(OCT.into()), "shared secret");
    refused(|new| new.jwks = Some(PRIVATE.into()), "cannot be used");
    refused(|new| new.jwks = Some(r#"{"keys":[]}"#.into()), "holds no key");
    refused(
        |new| new.token_endpoint_auth_method = None,
        "are for token_endpoint_auth_method private_key_jwt",
    );
}

#[test]
fn an_assertions_algorithm_fits_its_method() {
    let alg = |alg: &str| Some(alg.to_owned());
    refused(
        |new| new.token_endpoint_auth_signing_alg = alg("HS256"),
        "RS256, PS256, ES256, EdDSA",
    );
    let by_secret = |new: &mut NewClient| {
        *new = web();
        new.token_endpoint_auth_signing_alg = alg("RS256");
    };
    refused(by_secret, "is for private_key_jwt and client_secret_jwt");
}

#[test]
fn lifetimes_have_bounds() {
    let with = |secs| {
        check(NewClient {
            access_token_ttl: Some(Duration::from_secs(secs)),
            ..web()
        })
    };
    for (secs, right) in [(9, false), (10, true), (86_400, true), (86_401, false)] {
        assert_eq!(with(secs).is_ok(), right, "{secs}");
    }
}

#[test]
fn a_registration_survives_being_typed_anew() {
    let mut client = check(NewClient {
        assertion_audience: Some("issuer".into()),
        access_token_format: Some("opaque".into()),
        userinfo_signed_response_alg: Some("RS256".into()),
        introspection_audiences: vec!["https://api.example".into()],
        id_token_ttl: Some(Duration::from_mins(1)),
        default_max_age: Some(5),
        ..by_key()
    })
    .unwrap()
    .client;
    let again = check(NewClient::from(&client)).unwrap().client;
    client.version = again.version;
    assert_eq!(client, again);
}
