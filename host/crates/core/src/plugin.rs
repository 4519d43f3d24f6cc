//! The desired state of plugins. Storage holds the truth; a directory or an administrator only proposes.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// SHA-256 over a component and its toml: the identity of one candidate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PluginDigest(pub [u8; 32]);

impl PluginDigest {
    /// Lower-case hex.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl std::fmt::Debug for PluginDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The name of a plugin: the file's stem, `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginName(String);

impl PluginName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 63 bytes, or holds anything but lower-case letters, digits and inner hyphens.
    pub fn parse(text: &str) -> Result<Self, PluginNameError> {
        let shape = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if text.is_empty() || text.len() > 63 || !shape || text.starts_with('-') {
            return Err(PluginNameError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PluginName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a plugin name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a plugin name is 1 to 63 lower-case letters, digits and hyphens, not starting with a hyphen")]
pub struct PluginNameError;

/// What every node must run under this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredPlugin {
    /// Its name.
    pub name: PluginName,
    /// A disabled plugin is kept but not run.
    pub enabled: bool,
    /// The candidate that runs.
    pub active_digest: PluginDigest,
    /// Earlier candidates, newest first, at most [`DesiredPlugin::PREVIOUS_MAX`].
    pub previous_digests: Vec<PluginDigest>,
    /// Goes up by one with every change: the compare-and-set guard.
    pub generation: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl DesiredPlugin {
    /// How many earlier candidates are remembered for rollback.
    pub const PREVIOUS_MAX: usize = 3;
}

/// What became of a candidate, at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginHistory {
    /// It ran.
    Activated,
    /// It was refused, taken back or given up.
    Refused,
}

impl PluginHistory {
    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Activated, Self::Refused]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Refused => "refused",
        }
    }
}

/// The bytes of a candidate, by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginComponent {
    /// Identity over both parts.
    pub digest: PluginDigest,
    /// The component.
    pub wasm: Vec<u8>,
    /// The text of `name.toml`; empty when there is none.
    pub toml: String,
}
