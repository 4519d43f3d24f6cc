//! From the operator's JSON to a plugin's own type.

use serde::{Deserialize, de::DeserializeOwned};

use crate::ConfigIssue;

/// The configuration of a plugin that has none: any key is an error.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Parses a configuration; the issue names the path of what is wrong.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, ConfigIssue> {
    let reader = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        ConfigIssue {
            path: if path == "." { String::new() } else { path },
            message: without_position(&error.into_inner().to_string()),
        }
    })
}

/// The operator wrote TOML, so a line and column of the JSON between would only mislead.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "read by its derives alone")]
        name: String,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "read by its derives alone")]
        items: Vec<Inner>,
    }

    #[test]
    fn issue_names_the_path_and_not_the_json_position() {
        let issue = parse::<Outer>(r#"{"items":[{"name":"a"},{"name":7}]}"#).unwrap_err();
        assert_eq!(issue.path, "items[1].name");
        assert_eq!(issue.message, "invalid type: integer `7`, expected a string");
    }

    #[test]
    fn no_config_refuses_a_key() {
        assert!(parse::<NoConfig>("{}").is_ok());
        assert!(parse::<NoConfig>(r#"{"a":1}"#).is_err());
    }
}
