//! What the server's main configuration allows plugins. The toml beside a component can only narrow it.

use std::{collections::BTreeMap, fmt};

use authly_core::{
    claim::is_protocol_claim,
    plugin::{PluginDigest, PluginName},
};

use crate::error::Refusal;

/// The operator's policy. The default grants claims with a namespaced name and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The most any plugin may be granted.
    pub claims: ClaimGrants,
    /// What is said of single plugins.
    pub plugins: BTreeMap<PluginName, PluginPolicy>,
}

/// The policy for one plugin.
#[derive(Clone, Debug, Default)]
pub struct PluginPolicy {
    /// The most it may be granted, instead of [`Policy::claims`].
    pub claims: Option<ClaimGrants>,
    /// When not empty, only these candidates may run.
    pub pins: Vec<PluginDigest>,
}

impl Policy {
    /// The most a plugin may be granted.
    pub(crate) fn claims(&self, name: &PluginName) -> &ClaimGrants {
        let own = self.plugins.get(name).and_then(|plugin| plugin.claims.as_ref());
        own.unwrap_or(&self.claims)
    }

    /// Whether this candidate may run under this name.
    pub(crate) fn check_pin(&self, name: &PluginName, digest: PluginDigest) -> Result<(), Refusal> {
        let pins = self.plugins.get(name).map_or(&[][..], |plugin| &plugin.pins);
        if pins.is_empty() || pins.contains(&digest) {
            return Ok(());
        }
        Err(Refusal::by_server(format!(
            "its digest {} is not among those that the server's configuration pins for {name}",
            digest.to_hex()
        )))
    }
}

/// Names of claims that may be set or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimGrants(Vec<ClaimPattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum ClaimPattern {
    /// This name.
    Exact(String),
    /// Every name that begins so.
    Prefix(String),
    /// Every namespaced name: URL-shaped, so that it cannot collide with a registered claim (RFC 7519 §4.2).
    Namespaced,
}

/// Why a text is not a grant of claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimGrantError {
    /// The protocol's.
    #[error("\"{0}\" belongs to the protocol and cannot be granted")]
    Protected(String),
    /// Not a name.
    #[error("\"{0}\" is neither a claim's name nor a beginning of one with a star at its end")]
    Malformed(String),
}

impl Default for ClaimGrants {
    fn default() -> Self {
        Self::namespaced()
    }
}

impl ClaimGrants {
    /// Every namespaced name, no other.
    pub fn namespaced() -> Self {
        Self(vec![ClaimPattern::Namespaced])
    }

    /// From what an operator writes: names, and beginnings of names with a star at the end. `https://*` stands for
    /// every namespaced name.
    ///
    /// # Errors
    /// [`ClaimGrantError`] for a claim of the protocol or a text that is no name.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, ClaimGrantError> {
        texts
            .iter()
            .map(|text| ClaimPattern::parse(text.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Every claim that can be granted at all.
    pub(crate) fn everything() -> Self {
        Self(vec![
            ClaimPattern::Prefix(String::new()),
            ClaimPattern::Namespaced,
        ])
    }

    /// Whether the claim may be touched.
    pub fn covers(&self, name: &str) -> bool {
        !is_protocol_claim(name) && self.0.iter().any(|pattern| pattern.covers(name))
    }

    /// Whether everything that these grants cover is covered by `other`.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.first_outside(other).is_none()
    }

    /// The first of these grants that `other` does not cover, as its operator wrote it.
    pub(crate) fn first_outside(&self, other: &Self) -> Option<String> {
        let outside = |pattern: &&ClaimPattern| !other.0.iter().any(|wide| pattern.is_within(wide));
        self.0.iter().find(outside).map(ToString::to_string)
    }
}

impl ClaimPattern {
    fn parse(text: &str) -> Result<Self, ClaimGrantError> {
        let malformed = || ClaimGrantError::Malformed(text.to_owned());
        if is_protocol_claim(text) {
            return Err(ClaimGrantError::Protected(text.to_owned()));
        }
        if text == "https://*" {
            return Ok(Self::Namespaced);
        }
        let (name, make): (_, fn(String) -> Self) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, Self::Prefix),
            None => (text, Self::Exact),
        };
        if name.is_empty() || name.contains('*') || name.chars().any(char::is_control) {
            return Err(malformed());
        }
        Ok(make(name.to_owned()))
    }

    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(beginning) => name.starts_with(beginning),
            Self::Namespaced => is_namespaced(name),
        }
    }

    fn is_within(&self, wide: &Self) -> bool {
        match (self, wide) {
            (Self::Exact(name), _) => wide.covers(name),
            (Self::Namespaced, Self::Namespaced) => true,
            (Self::Namespaced, _) | (Self::Prefix(_), Self::Exact(_)) => false,
            (Self::Prefix(narrow), Self::Prefix(beginning)) => narrow.starts_with(beginning),
            // The host must be whole: `https://exa*` could become anybody's.
            (Self::Prefix(narrow), Self::Namespaced) => {
                is_namespaced(narrow) && authority_and_path(narrow).is_some_and(|(_, path)| path.is_some())
            }
        }
    }
}

impl fmt::Display for ClaimPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(beginning) => write!(f, "{beginning}*"),
            Self::Namespaced => f.write_str("https://*"),
        }
    }
}

/// Whether a claim's name is a URL: a collision-resistant name (RFC 7519 §4.2).
fn is_namespaced(name: &str) -> bool {
    let printable = name.bytes().all(|b| (0x21..=0x7e).contains(&b));
    printable && authority_and_path(name).is_some_and(|(authority, _)| !authority.is_empty())
}

fn authority_and_path(name: &str) -> Option<(&str, Option<&str>)> {
    let rest = name
        .strip_prefix("https://")
        .or_else(|| name.strip_prefix("http://"))?;
    Some(
        rest.split_once('/')
            .map_or((rest, None), |(authority, path)| (authority, Some(path))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(texts: &[&str]) -> ClaimGrants {
        ClaimGrants::parse(texts).unwrap()
    }

    #[test]
    fn without_a_policy_only_namespaced_names_are_granted() {
        let grants = ClaimGrants::default();
        for name in ["https://example.com/department", "http://e/x", "https://e"] {
            assert!(grants.covers(name), "{name}");
        }
        for name in [
            "email",
            "department",
            "urn:x",
            "https://",
            "https:///x",
            "https://e/ x",
            "ftp://e/x",
            "",
        ] {
            assert!(!grants.covers(name), "{name}");
        }
    }

    #[test]
    fn no_grant_covers_what_the_protocol_owns() {
        assert_eq!(
            ClaimGrants::parse(&["sub"]),
            Err(ClaimGrantError::Protected("sub".to_owned()))
        );
        let wide = grants(&["s*", "a*"]);
        assert!(wide.covers("shoe_size"));
        assert!(!wide.covers("sub") && !wide.covers("scope") && !wide.covers("aud"));
    }

    #[test]
    fn malformed_grants_are_refused() {
        for text in ["", "*", "a*b", "a\n"] {
            assert_eq!(
                ClaimGrants::parse(&[text]),
                Err(ClaimGrantError::Malformed(text.to_owned()))
            );
        }
    }

    #[test]
    fn grants_can_be_compared() {
        let within = |narrow: &[&str], wide: &[&str]| grants(narrow).is_within(&grants(wide));
        assert!(within(&["https://e.com/*", "https://e.com/a"], &["https://*"]));
        assert!(within(&["a", "ab*"], &["a*"]));
        assert!(within(&[], &[]));
        assert!(!within(&["https://*"], &["https://e.com/*"]));
        assert!(!within(&["https://e*"], &["https://*"]), "the host is not whole");
        assert!(!within(&["a*"], &["ab*"]));
        assert!(!within(&["a*"], &["a"]));
        assert!(!within(&["department"], &["https://*"]));
    }

    #[test]
    fn a_pin_admits_only_its_candidate() {
        let name = PluginName::parse("p").unwrap();
        let pinned = PluginPolicy {
            pins: vec![PluginDigest([1; 32])],
            ..PluginPolicy::default()
        };
        let policy = Policy {
            plugins: BTreeMap::from([(name.clone(), pinned)]),
            ..Policy::default()
        };
        assert!(policy.check_pin(&name, PluginDigest([1; 32])).is_ok());
        assert!(policy.check_pin(&name, PluginDigest([2; 32])).is_err());
        assert!(
            policy
                .check_pin(&PluginName::parse("q").unwrap(), PluginDigest([2; 32]))
                .is_ok()
        );
    }
}
