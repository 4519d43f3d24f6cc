//! What the parsers of requests promise of every input: nothing is read otherwise than it was written, nothing is answered
//! where it was not registered, and nobody is two clients.

use std::collections::BTreeMap;

use authly_core::client::Client;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{
    Issuer, Params, Settings,
    authorize::{
        ClientAnswer, RedirectableError, check_redirect_uri, check_request, matches_registered, parse_claims,
    },
    client_auth::{ClientCredentials, parse_basic},
    clients, scopes, testing,
    token::check_shape,
};

/// Text that a parameter may hold: anything but U+0000.
fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,40}"
}

/// Pairs as a client that follows the standard encodes them.
fn encoded(pairs: &[(String, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish()
}

fn by_name(pairs: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut names = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in pairs {
        names.entry(name).or_default().push(value);
    }
    names
}

/// A request of good parameters, of which any may be left out, given twice, or be any text.
fn request(good: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = Vec<(String, String)>> {
    let parameter = (select(good), proptest::option::weighted(0.1, text()))
        .prop_map(|((name, value), other)| (name.to_owned(), other.unwrap_or_else(|| value.to_owned())));
    let most = proptest::sample::subsequence(good, good.len() - 2..=good.len());
    (most, vec(parameter, 0..2)).prop_map(|(good, more)| {
        let good = good
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        good.chain(more).collect()
    })
}

/// A client of two redirect URIs, one with a query of its own.
fn client() -> Client {
    Client {
        redirect_uris: vec![
            "https://c.example/cb?x=1".to_owned(),
            "http://127.0.0.1/cb".to_owned(),
        ],
        ..testing::public_client("web")
    }
}

/// How a claim may be asked for, with a member nobody knows. Short, so that eight of them fit the parameter's limit.
fn wish() -> impl Strategy<Value = Value> {
    let text = || "[^\0]{0,8}";
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        vec(text(), 0..3).prop_map(Value::from),
    ];
    let object = (any::<bool>(), value.clone(), vec(value, 0..4)).prop_map(|(essential, value, values)| {
        json!({ "essential": essential, "value": value, "values": values, "purpose": "unknown" })
    });
    prop_oneof![Just(Value::Null), object]
}

fn wishes() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map("[a-z:/#\u{e9}]{1,8}", wish(), 0..5)
}

const AUTHORIZATION: &[(&str, &str)] = &[
    ("response_type", "code"),
    ("client_id", "web"),
    ("redirect_uri", "https://c.example/cb?x=1"),
    ("scope", "openid email"),
    ("state", "s 1/?&=%\u{e9}"),
    ("nonce", "n-1"),
    ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "S256"),
    ("prompt", "login"),
];

const TOKEN: &[(&str, &str)] = &[
    ("grant_type", "client_credentials"),
    ("client_id", "web"),
    ("client_secret", "secret"),
    ("client_assertion", "eyJhbGciOiJFUzI1NiJ9.e30.AA"),
    ("scope", "read"),
];

proptest! {
    // A counterexample is printed; it becomes a test of its own rather than a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_form_is_read_as_it_was_written_and_every_duplicate_is_seen(
        pairs in vec(("[a-c\u{e9}%+&= ]{1,2}", text()), 0..8),
    ) {
        let params = Params::parse(encoded(&pairs).as_bytes()).unwrap();
        let names = by_name(&pairs);
        for (name, values) in &names {
            prop_assert_eq!(params.get(name), values.iter().copied().find(|value| !value.is_empty()));
            prop_assert_eq!(params.is_duplicate(name), values.len() > 1);
        }
        prop_assert_eq!(params.check_no_duplicates().is_err(), names.values().any(|values| values.len() > 1));
    }

    #[test]
    fn any_bytes_are_a_form_to_us_as_to_others_or_none(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(params) = Params::parse(&bytes) {
            let pairs: Vec<_> = form_urlencoded::parse(&bytes).into_owned().collect();
            for (name, values) in by_name(&pairs) {
                prop_assert_eq!(params.get(name), values.iter().copied().find(|value| !value.is_empty()));
            }
        }
    }

    #[test]
    fn basic_credentials_are_read_as_they_were_written(id in text(), secret in text()) {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encode(&id), encode(&secret)));
        let (read_id, read_secret) = parse_basic(format!("Basic {pair}").as_bytes()).unwrap();
        prop_assert_eq!((read_id.as_str(), read_secret.expose()), (id.as_str(), secret.as_str()));
    }

    #[test]
    fn any_authorization_value_is_read_without_panic(bytes in vec(any::<u8>(), 0..60)) {
        let _ = parse_basic(&[b"Basic ", bytes.as_slice()].concat());
        prop_assert!(parse_basic(&bytes).is_none() || bytes.to_ascii_lowercase().starts_with(b"basic "));
    }

    #[test]
    fn one_other_character_is_another_redirect_uri(
        registered in select(&["https://c.example/cb?x=1", "com.example.app:/cb", "http://localhost:1/cb"][..]),
        at in any::<Index>(),
        other in "[ -~]",
    ) {
        let at = at.index(registered.len());
        let mut changed = registered.to_owned();
        changed.replace_range(at..=at, &other);
        prop_assert_eq!(matches_registered(registered, &changed), changed == registered);
        changed.truncate(at);
        prop_assert!(!matches_registered(registered, &changed));
        let longer = format!("{registered}{other}");
        prop_assert!(!matches_registered(registered, &longer));
    }

    #[test]
    fn any_port_of_a_loopback_address_and_nothing_but_a_port(
        host in select(&["127.0.0.1", "[::1]"][..]),
        port in any::<u16>(),
        between in "[ -~]{1,6}",
    ) {
        let registered = format!("http://{host}/cb");
        let with_port = format!("http://{host}:{port}/cb");
        prop_assert!(matches_registered(&registered, &with_port));
        let strange = format!("http://{host}{between}/cb");
        if matches_registered(&registered, &strange) {
            let mut url = Url::parse(&strange).unwrap();
            url.set_port(None).unwrap();
            prop_assert_eq!(url.as_str(), registered);
        }
    }

    #[test]
    fn what_may_be_registered_is_where_a_browser_goes(
        text in "(https?|com\\.example|javascript)?:?/{0,3}[a-c.@:\\[\\]0-9]{0,12}/?[a-c/.?#%@\\\\ ]{0,12}",
    ) {
        if clients::check_redirect_uri(&text).is_ok() {
            let url = Url::parse(&text).unwrap();
            let with_path = format!("{text}/");
            prop_assert!([text, with_path].contains(&url.to_string()));
            prop_assert!(url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
        }
    }

    #[test]
    fn an_error_goes_to_a_registered_redirect_uri_or_nowhere(pairs in request(AUTHORIZATION)) {
        let client = client();
        let params = Params::parse(encoded(&pairs).as_bytes()).unwrap();
        let issuer = Issuer::parse("https://i.example").unwrap();
        let names = by_name(&pairs);
        let uris = names.get("redirect_uri").cloned().unwrap_or_default();
        let known = match uris[..] {
            [uri] => client.redirect_uris.iter().any(|registered| matches_registered(registered, uri)),
            _ => false,
        };
        let target = check_redirect_uri(&issuer, &params, &client);
        prop_assert_eq!(target.is_ok(), known);
        let Ok(target) = target else { return Ok(()) };
        let settings = Settings::default();
        match check_request(&params, &client, &target, &settings, &scopes::seeded()) {
            Ok(request) => {
                prop_assert!(names.values().all(|values| values.len() == 1));
                prop_assert!(request.scope.is_subset(&client.scopes) && request.code_challenge.is_some());
                prop_assert_eq!(request.state.as_deref(), params.get("state"));
            }
            Err(error) => {
                let answer = (RedirectableError { target, error }).answer();
                let ClientAnswer::Redirect { location } = answer else {
                    return Err(TestCaseError::fail("nobody asked for a form"));
                };
                prop_assert!(location.starts_with(uris[0]), "{}", location);
                let state = Url::parse(&location).unwrap().query_pairs()
                    .find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
                let given = params.get("state").filter(|_| !params.is_duplicate("state"));
                prop_assert_eq!(state.as_deref(), given, "byte for byte");
            }
        }
    }

    #[test]
    fn claims_are_asked_for_as_they_were_written(userinfo in wishes(), id_token in wishes()) {
        let written = json!({ "userinfo": userinfo, "id_token": id_token, "unknown": 7 });
        let request = parse_claims(&written.to_string()).unwrap();
        for (asked, written) in [(&request.userinfo, &userinfo), (&request.id_token, &id_token)] {
            prop_assert!(asked.keys().eq(written.keys()));
            for (name, claim) in asked {
                let how = &written[name];
                prop_assert_eq!(claim.essential, how["essential"] == Value::Bool(true));
                prop_assert_eq!(claim.value.as_ref().unwrap_or(&Value::Null), &how["value"]);
                prop_assert_eq!(claim.values.as_slice(), how["values"].as_array().map_or(&[][..], Vec::as_slice));
            }
        }
        let again = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(parse_claims(&again), Ok(request));
    }

    #[test]
    fn any_text_is_a_claims_parameter_or_none(text in "[\\[\\]{}:,\"a-z0-9 ]{0,80}") {
        if let Ok(request) = parse_claims(&text) {
            prop_assert!(serde_json::from_str::<Value>(&text).unwrap().is_object());
            prop_assert!(request.locales.is_empty());
        }
    }

    #[test]
    fn a_token_request_has_one_client_in_one_way_and_one_grant_type(
        pairs in request(TOKEN),
        header in select(&[None, Some("Basic d2ViOnNlY3JldA=="), Some("Basic b3RoZXI6c2VjcmV0"), Some("Bearer x")][..]),
    ) {
        let params = Params::parse(encoded(&pairs).as_bytes()).unwrap();
        let names = by_name(&pairs);
        if let Ok(grant_type) = check_shape(&params) {
            prop_assert_eq!(&names["grant_type"][..], &[grant_type.as_str()][..]);
            prop_assert!(names.values().all(|values| values.len() == 1));
        }
        let credentials = ClientCredentials { authorization: header.map(str::as_bytes), params: &params };
        if let Some(id) = credentials.client_id() {
            prop_assert!(params.get("client_id").is_none_or(|named| named == id.as_str()));
            let given = |name: &str| params.get(name).is_some();
            let ways = [header.is_some(), given("client_secret"), given("client_assertion")];
            prop_assert!(ways.iter().filter(|way| **way).count() <= 1);
        }
    }
}
