//! Identifiers, each a type of its own so that none can stand where another belongs.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{random::Rng, time::Timestamp};

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} must be 1 to {max} characters of printable ASCII without spaces")]
pub struct IdError {
    what: &'static str,
    max: usize,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest accepted value, in bytes.
            pub const LENGTH_MAX: usize = $max;

            /// Checks and wraps a text.
            ///
            /// # Errors
            /// When it is empty, too long, or holds anything but `%x21-7E`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let printable = text.bytes().all(|b| (0x21..=0x7e).contains(&b));
                if text.is_empty() || text.len() > Self::LENGTH_MAX || !printable {
                    return Err(IdError { what: $what, max: Self::LENGTH_MAX });
                }
                Ok(Self(text.to_owned()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new, time-ordered identifier.
            pub fn generate(now: Timestamp, rng: &dyn Rng) -> Self {
                Self(crate::random::uuid_v7(now, rng))
            }

            /// Wraps a UUID read from storage or a token.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id! {
    /// A tenant: an issuer with keys, clients and users of its own.
    TenantId, "a tenant id", 64
}
text_id! {
    /// A client identifier (RFC 6749 §2.2; VSCHAR without the space).
    ClientId, "a client_id", 255
}
text_id! {
    /// The identifier of a signing key (RFC 7515 §4.1.4).
    Kid, "a kid", 64
}
uuid_id! {
    /// A person's account. Its text is the public `sub`.
    UserId
}
uuid_id! {
    /// A grant: one authorization by one person (or client) to one client; the family of all tokens issued from it.
    GrantId
}
uuid_id! {
    /// A browser session's public identifier (`sid`); the cookie's secret value is not derived from it.
    SessionId
}

impl TenantId {
    /// The one tenant served until an operator defines more.
    pub fn default_tenant() -> Self {
        Self("default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_id_refuses_what_could_split_a_header_or_a_form() {
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(256)] {
            assert!(ClientId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(ClientId::parse(&"x".repeat(255)).is_ok());
    }
}
