//! Well behaved: sets one claim to the configured text. Refuses the text `refused`.

use authly_test_guests::{
    STAMP, TARGETS,
    sdk::{Changes, ClaimMapper, ConfigIssue, Description, Input, PluginError},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    text: String,
}

struct Stamp;

impl ClaimMapper for Stamp {
    type Config = Config;

    fn describe() -> Description {
        Description::new("stamp", "Stamp", "1.0.0")
    }

    fn check_config(config: &Config) -> Vec<ConfigIssue> {
        if config.text == "refused" {
            let message = "this text is refused".to_owned();
            return vec![ConfigIssue {
                path: "text".to_owned(),
                message,
            }];
        }
        Vec::new()
    }

    fn map_claims(_: &Input, config: &Config, changes: &mut Changes) -> Result<(), PluginError> {
        changes.set(&TARGETS, STAMP, config.text.as_str());
        Ok(())
    }
}

authly_test_guests::sdk::export!(Stamp);
