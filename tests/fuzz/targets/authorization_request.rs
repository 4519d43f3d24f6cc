//! An authorization request of a known client, public or not by the first byte. Nothing is answered anywhere but where
//! the client registered; a request that passes asks for no more than the client may.
#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use authly_core::{
    OAuthError,
    authorization::{AuthorizationRequest, Prompt},
    client::Client,
};
use authly_fuzz::{client, form_pairs};
use authly_oauth::{
    Issuer, Params, Settings,
    authorize::{
        AuthorizeError, ClientAnswer, RedirectTarget, RedirectableError, check_redirect_uri, check_request,
        matches_registered,
    },
    scopes,
};
use libfuzzer_sys::fuzz_target;
use url::Url;

type Pairs = BTreeMap<String, Vec<String>>;

static ISSUER: LazyLock<Issuer> =
    LazyLock::new(|| Issuer::parse("https://i.example/tenant").expect("an issuer"));
static CLIENTS: LazyLock<[Client; 3]> = LazyLock::new(|| {
    let app = Client {
        redirect_uris: vec!["com.example.app:/cb".to_owned(), "http://127.0.0.1/cb".to_owned()],
        ..client(true)
    };
    [client(false), client(true), app]
});

fuzz_target!(|input: &[u8]| {
    let Some((which, query)) = input.split_first() else {
        return;
    };
    let client = &CLIENTS[usize::from(*which) % CLIENTS.len()];
    let Ok(params) = Params::parse(query) else { return };
    let pairs = form_pairs(query);
    let given = params.get("redirect_uri");
    let known = match given {
        Some(uri) => client
            .redirect_uris
            .iter()
            .any(|registered| matches_registered(registered, uri)),
        None => client.redirect_uris.len() == 1,
    };
    let known = known && !params.is_duplicate("redirect_uri");
    let target = match check_redirect_uri(&ISSUER, &params, client) {
        Ok(target) => target,
        Err(AuthorizeError::Page(..)) => return assert!(!known, "a known redirect URI is answered"),
        Err(other) => panic!("{other}: only a page, while the redirect URI is not known"),
    };
    assert!(known, "an unknown redirect URI is never answered");
    let uri = given.unwrap_or(&client.redirect_uris[0]);
    let settings = Settings::default();
    match check_request(&params, client, &target, &settings, &scopes::seeded()) {
        Ok(request) => is_what_was_asked_for(&request, &params, &pairs, client, uri),
        Err(error) => is_answered_there(target, error, uri, &params),
    }
});

/// What passes is what was sent, of a client that may.
fn is_what_was_asked_for(
    request: &AuthorizationRequest,
    params: &Params,
    pairs: &Pairs,
    client: &Client,
    uri: &str,
) {
    assert!(
        pairs
            .iter()
            .all(|(name, values)| values.len() == 1 || name == "resource"),
        "nothing is given twice"
    );
    assert_eq!(params.get("response_type"), Some("code"));
    assert_eq!(request.redirect_uri, uri);
    assert!(!request.scope.is_empty() && request.scope.is_subset(&client.scopes));
    assert_eq!(request.state.as_deref(), params.get("state"));
    assert_eq!(
        request.response_mode.as_str(),
        params.get("response_mode").unwrap_or("query")
    );
    assert_eq!(request.nonce.as_deref(), params.get("nonce"));
    assert_eq!(request.code_challenge.as_deref(), params.get("code_challenge"));
    assert!(request.code_challenge.is_some(), "PKCE is for everybody");
    assert!(!request.prompt.contains(&Prompt::None) || request.prompt.len() == 1);
    for refused in ["request", "request_uri", "registration"] {
        assert_eq!(params.get(refused), None, "{refused} is not ignored");
    }
}

/// The error goes to the redirect URI, by the mode that was asked for, and says what RFC 6749 §4.1.2.1 and RFC 9207 §2
/// ask for.
fn is_answered_there(target: RedirectTarget, error: OAuthError, uri: &str, params: &Params) {
    let fields: Vec<(String, String)> = match (RedirectableError { target, error }).answer() {
        ClientAnswer::Redirect { location } => {
            assert!(
                location.starts_with(uri) && location.is_ascii() && !location.contains([' ', '\r', '\n'])
            );
            let url = Url::parse(&location).expect("a URL");
            assert_eq!(url.fragment(), None);
            url.query_pairs().into_owned().collect()
        }
        ClientAnswer::Form { redirect_uri, fields } => {
            assert_eq!(redirect_uri, uri);
            assert_eq!(params.get("response_mode"), Some("form_post"));
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        }
    };
    let values = |name: &str| -> Vec<&str> {
        let named = fields.iter().filter(|field| field.0 == name);
        named.map(|field| field.1.as_str()).collect()
    };
    assert_eq!(values("error"), [error.code.as_str()]);
    assert_eq!(values("iss"), [ISSUER.as_str()]);
    assert!(values("code").is_empty());
    let state = values("state");
    assert!(state.is_empty() || state.len() == 1 && params.get("state") == Some(state[0]));
}
