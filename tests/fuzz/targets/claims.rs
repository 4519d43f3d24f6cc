//! The `claims` parameter (OIDC Core §5.5): what is read is what was written, no more than its limits allow, and written
//! again it is read the same.
#![no_main]

use std::collections::BTreeMap;

use authly_core::claims_request::RequestedClaim;
use authly_oauth::authorize::parse_claims;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// How many levels of arrays and objects a request may have.
const DEPTH_MAX: usize = 6;

fuzz_target!(|text: &str| {
    let Ok(request) = parse_claims(text) else { return };
    let written: Value = serde_json::from_str(text).expect("JSON, as it parsed");
    assert!(depth(&written) <= DEPTH_MAX);
    assert!(request.userinfo.len() + request.id_token.len() <= 100);
    assert!(request.locales.is_empty(), "another parameter's");
    is_what_was_written(&request.userinfo, &written["userinfo"]);
    is_what_was_written(&request.id_token, &written["id_token"]);
    let again = serde_json::to_string(&request).expect("JSON");
    // Fractions are read with the last digit open.
    if !text.contains(['.', 'e', 'E']) {
        assert_eq!(parse_claims(&again).as_ref(), Ok(&request));
    }
});

fn is_what_was_written(claims: &BTreeMap<String, RequestedClaim>, written: &Value) {
    let names = written.as_object().into_iter().flatten().map(|(name, _)| name);
    assert!(claims.keys().eq(names), "each claim once");
    for (name, claim) in claims {
        let how = &written[name];
        assert_eq!(claim.essential, how["essential"] == Value::Bool(true));
        assert_eq!(claim.value.as_ref().unwrap_or(&Value::Null), &how["value"]);
        assert_eq!(
            claim.values.as_slice(),
            how["values"].as_array().map_or(&[][..], Vec::as_slice)
        );
        assert!(claim.values.len() <= 32);
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}
