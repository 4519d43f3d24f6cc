//! A request's body as a JSON object: agrees with `serde_json` on what it accepts, and sees every duplicate.
#![no_main]

use authly_oauth::{Params, params::ParamsError};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let object = serde_json::from_slice::<Value>(body);
    match Params::parse_json(body) {
        Ok(params) => {
            let object = object.expect("JSON");
            let members = object.as_object().expect("an object");
            assert!(members.len() <= Params::COUNT_MAX);
            // Where a name comes twice, serde_json knows the last value alone.
            if params.check_no_duplicates().is_ok() {
                assert!(members.iter().all(|(name, value)| is_same(&params, name, value)));
            } else {
                assert!(members.keys().any(|name| params.is_duplicate(name)));
            }
        }
        Err(ParamsError::TooMany) => {
            assert!(body.split(|byte| *byte == b':').count() > Params::COUNT_MAX + 1);
        }
        Err(ParamsError::Encoding) => panic!("JSON is no form"),
        Err(ParamsError::Json) => assert!(!is_object_of_texts(object.ok()), "refused without a reason"),
    }
});

/// An empty text and null count as absent. `resource` may repeat, and then its values are told apart elsewhere.
fn is_same(params: &Params, name: &str, value: &Value) -> bool {
    let text = value.as_str().filter(|text| !text.is_empty());
    params.get(name) == text || params.is_duplicate(name)
}

fn is_object_of_texts(value: Option<Value>) -> bool {
    let Some(Value::Object(members)) = value else {
        return false;
    };
    members.iter().all(|(name, value)| {
        let text = value.as_str().or(value.is_null().then_some(""));
        text.is_some_and(|text| !text.contains('\0') && !name.contains('\0'))
    })
}
