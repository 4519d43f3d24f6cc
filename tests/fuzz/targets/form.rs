//! `application/x-www-form-urlencoded`: agrees with the `url` crate on everything it accepts, sees every duplicate, and
//! refuses only what is too much or no text.
#![no_main]

use authly_fuzz::form_pairs;
use authly_oauth::{Params, params::ParamsError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|encoded: &[u8]| {
    let pairs = form_pairs(encoded);
    let count: usize = pairs.values().map(Vec::len).sum();
    let params = match Params::parse(encoded) {
        Ok(params) => params,
        Err(ParamsError::TooMany) => return assert!(count > Params::COUNT_MAX),
        Err(ParamsError::Json) => panic!("a form is no JSON"),
        Err(ParamsError::Encoding) => {
            return assert!(is_foreign(encoded, &pairs), "refused without a reason");
        }
    };
    assert!(count <= Params::COUNT_MAX);
    for (name, values) in &pairs {
        let first = values.iter().find(|value| !value.is_empty());
        assert_eq!(params.get(name), first.map(String::as_str), "{name:?}");
        assert_eq!(params.is_duplicate(name), values.len() > 1, "{name:?}");
    }
    assert_eq!(params.is_empty(), pairs.is_empty());
    let twice = pairs
        .iter()
        .any(|(name, values)| values.len() > 1 && name != "resource");
    assert_eq!(params.check_no_duplicates().is_err(), twice);
});

/// Whether something in it is no text: the `url` crate lets a lone `%` stand and puts U+FFFD for what is not UTF-8.
fn is_foreign(encoded: &[u8], pairs: &std::collections::BTreeMap<String, Vec<String>>) -> bool {
    let hex = |at: usize| encoded.get(at).is_some_and(u8::is_ascii_hexdigit);
    let lone_percent = (0..encoded.len()).any(|at| encoded[at] == b'%' && !(hex(at + 1) && hex(at + 2)));
    let odd = |text: &str| text.contains(['\0', '\u{fffd}']);
    lone_percent
        || pairs
            .iter()
            .any(|(name, values)| odd(name) || values.iter().any(|value| odd(value)))
}
