//! A request's body as a JSON object: a name given twice is seen twice, and what is accepted are texts and nulls.
#![no_main]

use std::{collections::BTreeMap, fmt};

use authly_oauth::{Params, params::ParamsError};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let members = serde_json::from_slice::<Members>(body);
    match Params::parse_json(body) {
        Ok(params) => is_what_was_written(&params, &members.expect("a JSON object").0),
        Err(ParamsError::TooMany) => assert!(members.expect("a JSON object").0.len() > Params::COUNT_MAX),
        Err(ParamsError::Encoding) => panic!("JSON is no form"),
        Err(ParamsError::Json) => assert!(
            !members.is_ok_and(|members| are_texts(&members.0)),
            "refused without a reason"
        ),
    }
});

/// An empty text and null count as absent.
fn is_what_was_written(params: &Params, members: &[(String, Value)]) {
    assert!(members.len() <= Params::COUNT_MAX && are_texts(members));
    let mut names = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in members {
        names
            .entry(name)
            .or_default()
            .push(value.as_str().unwrap_or_default());
    }
    for (name, values) in &names {
        assert_eq!(
            params.get(name),
            values.iter().copied().find(|value| !value.is_empty())
        );
        assert_eq!(params.is_duplicate(name), values.len() > 1);
    }
}

fn are_texts(members: &[(String, Value)]) -> bool {
    members.iter().all(|(name, value)| {
        let text = value.as_str().or(value.is_null().then_some(""));
        text.is_some_and(|text| !text.contains('\0') && !name.contains('\0'))
    })
}

/// Every member of an object, in order.
struct Members(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> serde::de::Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(member) = map.next_entry()? {
            self.0.push(member);
        }
        Ok(self)
    }
}
