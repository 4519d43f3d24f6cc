//! A token request: its `Authorization` value on the first line, if any, and its body below. Whoever it names is named
//! once and in one way (RFC 6749 §2.3), and it has one grant type.
#![no_main]

use authly_fuzz::form_pairs;
use authly_oauth::{
    Params,
    client_auth::{ClientCredentials, parse_basic},
    token::check_shape,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|request: &[u8]| {
    let mut halves = request.splitn(2, |byte| *byte == b'\n');
    let authorization = halves.next().filter(|header| !header.is_empty());
    let body = halves.next().unwrap_or_default();
    let Ok(params) = Params::parse(body) else { return };
    let pairs = form_pairs(body);
    if let Ok(grant_type) = check_shape(&params) {
        assert_eq!(pairs["grant_type"], [grant_type.as_str()]);
        assert!(
            pairs
                .iter()
                .all(|(name, values)| values.len() == 1 || name == "resource")
        );
    }
    let credentials = ClientCredentials {
        authorization,
        params: &params,
    };
    let Some(id) = credentials.client_id() else { return };
    assert!(params.get("client_id").is_none_or(|named| named == id.as_str()));
    let ways = [
        authorization.is_some(),
        params.get("client_secret").is_some(),
        params.get("client_assertion").is_some(),
    ];
    assert!(
        ways.iter().filter(|way| **way).count() <= 1,
        "one way of authentication"
    );
    if let Some(header) = authorization {
        assert_eq!(parse_basic(header).expect("Basic").0, id.as_str());
    }
});
