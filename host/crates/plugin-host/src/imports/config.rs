//! `authly:plugin/config`: the operator's configuration of a plugin.

use serde_json::{Map, Value};

use crate::{call::CallContext, versions::v0_1::authly::plugin::config};

/// A configuration in the two forms it is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct PluginConfig {
    values: Map<String, Value>,
    json: String,
}

impl PluginConfig {
    pub fn new(values: Map<String, Value>) -> Self {
        let json = Value::Object(values.clone()).to_string();
        Self { values, json }
    }

    /// The whole, as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// One top-level value: the text of a string, the JSON of anything else.
    fn get(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

impl config::Host for CallContext {
    fn all(&mut self) -> wasmtime::Result<String> {
        Ok(self.config().json().to_owned())
    }

    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.config().get(&key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn get_gives_the_text_of_a_string_and_the_json_of_anything_else() {
        let Value::Object(values) = json!({ "a": "x", "b": [1], "c": null }) else {
            unreachable!()
        };
        let config = PluginConfig::new(values);
        assert_eq!(config.get("a").as_deref(), Some("x"));
        assert_eq!(config.get("b").as_deref(), Some("[1]"));
        assert_eq!(config.get("c").as_deref(), Some("null"));
        assert_eq!(config.get("d"), None);
        assert_eq!(config.json(), r#"{"a":"x","b":[1],"c":null}"#);
    }
}
