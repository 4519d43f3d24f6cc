//! The patch a mapper answers.

use serde_json::Value;

use crate::{
    Claim, ClaimValue,
    bindings::exports::authly::plugin::claim_mapper::{Action, Change},
};

/// Changes to the claims of one response, in the order they are to be applied.
#[derive(Clone, Debug, Default)]
pub struct Changes(Vec<Change>);

impl Changes {
    /// Sets a claim in each of `targets` (`id-token`, `access-token`, `userinfo`).
    pub fn set<T: AsRef<str>>(&mut self, targets: &[T], name: &str, value: impl Into<ClaimValue>) {
        self.push(
            targets,
            Action::Set(Claim {
                name: name.to_owned(),
                value: value.into(),
            }),
        );
    }

    /// Removes a claim from each of `targets`.
    pub fn remove<T: AsRef<str>>(&mut self, targets: &[T], name: &str) {
        self.push(targets, Action::Remove(name.to_owned()));
    }

    fn push<T: AsRef<str>>(&mut self, targets: &[T], action: Action) {
        let targets = targets.iter().map(|t| t.as_ref().to_owned()).collect();
        self.0.push(Change { targets, action });
    }
}

impl From<Changes> for Vec<Change> {
    fn from(changes: Changes) -> Self {
        changes.0
    }
}

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for ClaimValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for ClaimValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<Vec<String>> for ClaimValue {
    fn from(texts: Vec<String>) -> Self {
        Self::TextList(texts)
    }
}

impl From<Value> for ClaimValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(value),
            Value::String(text) => Self::Text(text),
            Value::Number(ref number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Json(value.to_string()),
            },
            Value::Array(_) | Value::Object(_) => Self::Json(value.to_string()),
        }
    }
}
