//! Scopes (RFC 6749 §3.3).

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

/// One scope token: `1*( %x21 / %x23-5B / %x5D-7E )`, RFC 6749 §3.3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Why a text is not a scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScopeError {
    /// A character outside the grammar.
    #[error("scope holds a character that RFC 6749 §3.3 does not allow")]
    Grammar,
    /// More than [`ScopeSet::COUNT_MAX`] tokens or a token longer than [`Scope::LENGTH_MAX`].
    #[error("scope is too long")]
    TooLong,
}

impl Scope {
    /// The longest scope token, in bytes.
    pub const LENGTH_MAX: usize = 255;

    /// Checks one scope token.
    ///
    /// # Errors
    /// [`ScopeError`] when it breaks the grammar or the limit.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > Self::LENGTH_MAX {
            return Err(ScopeError::TooLong);
        }
        let allowed = |b: u8| b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b);
        if text.is_empty() || !text.bytes().all(allowed) {
            return Err(ScopeError::Grammar);
        }
        Ok(Self(text.to_owned()))
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;
    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scopes. Order and repetition carry no meaning (RFC 6749 §3.3), so the text form is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// The most scopes one request or client may name.
    pub const COUNT_MAX: usize = 100;

    /// Parses a space-delimited scope parameter. An empty text is the empty set.
    ///
    /// # Errors
    /// [`ScopeError`] for control characters, a foreign grammar or too many tokens.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut set = BTreeSet::new();
        for token in text.split(' ').filter(|t| !t.is_empty()) {
            set.insert(Scope::parse(token)?);
            if set.len() > Self::COUNT_MAX {
                return Err(ScopeError::TooLong);
            }
        }
        Ok(Self(set))
    }

    /// Whether the named scope is in the set.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|s| s.as_str() == name)
    }

    /// Whether every scope of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Scopes in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Scopes in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Scopes in `self` but not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The set without the named scope.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|s| s.as_str() != name).cloned().collect())
    }

    /// No scope at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<T: IntoIterator<Item = Scope>>(iter: T) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_grammar_is_rfc_6749_3_3() {
        assert_eq!(
            ScopeSet::parse("openid  profile openid").unwrap().to_string(),
            "openid profile"
        );
        for bad in ["a\tb", "a\"b", "a\\b", "é", "a\r\nSet-Cookie:x"] {
            assert_eq!(ScopeSet::parse(bad), Err(ScopeError::Grammar), "{bad:?}");
        }
    }

    #[test]
    fn scope_count_is_limited() {
        let many = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(ScopeSet::parse(&many(ScopeSet::COUNT_MAX)).is_ok());
        assert_eq!(
            ScopeSet::parse(&many(ScopeSet::COUNT_MAX + 1)),
            Err(ScopeError::TooLong)
        );
        assert_eq!(ScopeSet::parse(&"x".repeat(256)), Err(ScopeError::TooLong));
    }
}
