//! What a configuration key is: its path, the values it takes, its default and its text in the reference.
//!
//! The sections declare their keys with this; reading, error texts, `config show` and the reference page all follow
//! the declaration, so they cannot disagree.

use std::{fmt, time::Duration};

use super::units;

/// What values a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text; what else must hold is in the words.
    Text(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number within bounds.
    Integer {
        /// Smallest accepted.
        min: u64,
        /// Largest accepted.
        max: u64,
    },
    /// A span of time within bounds, written with a unit.
    Duration {
        /// Shortest accepted.
        min: Duration,
        /// Longest accepted.
        max: Duration,
    },
    /// A size in bytes within bounds, written with a unit.
    Size {
        /// Smallest accepted, in bytes.
        min: u64,
        /// Largest accepted, in bytes.
        max: u64,
    },
    /// A list of texts.
    List(&'static str),
    /// A path of the file system; a relative one starts at the working directory.
    Path,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(what) => f.write_str(what),
            Self::Choice(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                write!(f, "{}", quoted.join(" or "))
            }
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Duration { min, max } => {
                let (min, max) = (units::duration_text(*min), units::duration_text(*max));
                write!(f, "a duration from {min} to {max}")
            }
            Self::Size { min, max } => {
                write!(
                    f,
                    "a size from {} to {}",
                    units::size_text(*min),
                    units::size_text(*max)
                )
            }
            Self::List(what) => write!(f, "a list of {what}"),
            Self::Path => f.write_str("a path"),
        }
    }
}

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Dotted path: `oauth.access_token_ttl`. A segment `*` stands for a name that the operator chooses.
    pub path: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// Its default, as it would be written in an environment variable.
    pub default: Option<&'static str>,
    /// A value, as it would be written in the file, for messages and the reference.
    pub example: &'static str,
    /// Whether its value must not be shown, and may come from a file named by `PATH_file`.
    pub secret: bool,
    /// One paragraph for the reference.
    pub doc: &'static str,
}

impl Key {
    /// A key without a default that is not secret.
    pub const fn new(path: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Self {
        Self {
            path,
            kind,
            default: None,
            example,
            secret: false,
            doc,
        }
    }

    /// The same key with a default.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The same key, secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// A span of time between `min` and `max` seconds.
    pub const fn seconds(
        path: &'static str,
        (min, max): (u64, u64),
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        let kind = Kind::Duration {
            min: Duration::from_secs(min),
            max: Duration::from_secs(max),
        };
        Self {
            default: Some(default),
            ..Self::new(path, kind, "", doc)
        }
    }

    /// A whole number between `min` and `max`.
    pub const fn integer(
        path: &'static str,
        (min, max): (u64, u64),
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            default: Some(default),
            ..Self::new(path, Kind::Integer { min, max }, "", doc)
        }
    }

    /// The environment variable that sets it.
    pub fn env_name(&self) -> String {
        format!("AUTHLY__{}", self.path.to_uppercase().replace('.', "__"))
    }

    /// Whether `path` names this key; `*` matches one segment.
    pub fn matches(&self, path: &str) -> bool {
        let mut mine = self.path.split('.');
        let mut theirs = path.split('.');
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a == b || (a == "*" && !b.is_empty()) => {}
                _ => return false,
            }
        }
    }

    /// The table it lies in; empty for the keys at the top.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// How to write it in the file, for messages.
    pub fn written(&self) -> String {
        let value = match (self.example, self.default) {
            ("", Some(default)) if matches!(self.kind, Kind::Integer { .. }) => default.to_owned(),
            ("", Some(default)) => format!("\"{default}\""),
            (example, _) => example.to_owned(),
        };
        format!("{} = {value}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_one_segment() {
        let key = Key::new("plugins.pins.*", Kind::List("digests"), "[]", "");
        assert!(key.matches("plugins.pins.a-b"));
        assert!(!key.matches("plugins.pins"));
        assert!(!key.matches("plugins.pins.a.b"));
    }

    #[test]
    fn environment_name_follows_the_path() {
        let key = Key::seconds("oauth.access_token_ttl", (1, 10), "5s", "");
        assert_eq!(key.env_name(), "AUTHLY__OAUTH__ACCESS_TOKEN_TTL");
        assert_eq!(key.written(), "oauth.access_token_ttl = \"5s\"");
        assert_eq!(key.kind.to_string(), "a duration from 1s to 10s");
    }
}
