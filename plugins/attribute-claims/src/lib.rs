//! Maps a person's attributes and groups to claims, as the operator configured:
//!
//! ```toml
//! [config]
//! claims = [
//!     { claim = "https://example.com/department", from = "attribute", name = "department", targets = ["access-token"] },
//!     { claim = "https://example.com/groups", from = "groups" },
//! ]
//! ```
//!
//! An attribute the person does not have gives no claim. A client that acts for itself has neither attributes nor
//! groups, so its tokens stay as they are.

mod config;

use authly_plugin_sdk::{Changes, ClaimMapper, ConfigIssue, Description, Input, PluginError, Subject, User};
use serde_json::{Map, Value};

use crate::config::{Config, Rule, Source};

struct AttributeClaims;

impl ClaimMapper for AttributeClaims {
    type Config = Config;

    fn describe() -> Description {
        Description::new("attribute-claims", "Attribute claims", env!("CARGO_PKG_VERSION"))
            .vendor("Authly")
            .config_schema(include_str!("../config.schema.json"))
            .asks_for("claims", "sets the claims of its configuration", &[])
    }

    fn check_config(config: &Config) -> Vec<ConfigIssue> {
        config::check(config)
    }

    fn map_claims(input: &Input, config: &Config, changes: &mut Changes) -> Result<(), PluginError> {
        let Subject::User(user) = &input.subject else {
            return Ok(());
        };
        let attributes: Map<String, Value> = serde_json::from_str(&user.attributes)
            .map_err(|error| PluginError::Invalid(format!("user.attributes: {error}")))?;
        for rule in &config.claims {
            if let Some(value) = value_of(rule, user, &attributes) {
                changes.set(&rule.targets, &rule.claim, value);
            }
        }
        Ok(())
    }
}

/// The value a rule gives for this person.
fn value_of(rule: &Rule, user: &User, attributes: &Map<String, Value>) -> Option<Value> {
    match rule.from {
        Source::Attribute => attributes.get(rule.name.as_deref()?).cloned(),
        Source::Groups => Some(Value::from(user.groups.clone())),
    }
}

authly_plugin_sdk::export!(AttributeClaims);
