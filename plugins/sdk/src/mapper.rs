//! What a plugin author implements.

use serde::de::DeserializeOwned;

use crate::{Changes, ConfigIssue, Description, Input, PluginError};

/// The claim-mapper hook. A fresh instance of the plugin serves each call, so there is no state to keep.
pub trait ClaimMapper {
    /// The configuration, as the operator writes it in the table `[config]`. Use `deny_unknown_fields`: then a
    /// mistyped key is an error with its path, when the plugin is loaded.
    type Config: DeserializeOwned;

    /// Who the plugin is and what it asks for.
    fn describe() -> Description;

    /// Checks what the type of the configuration cannot say. An empty list accepts.
    fn check_config(config: &Self::Config) -> Vec<ConfigIssue> {
        let _ = config;
        Vec::new()
    }

    /// Collects changes to the claims of one response.
    ///
    /// # Errors
    /// [`PluginError`], when the plugin could not answer: the server then refuses the request, unless the operator
    /// made the plugin optional.
    fn map_claims(input: &Input, config: &Self::Config, changes: &mut Changes) -> Result<(), PluginError>;
}
