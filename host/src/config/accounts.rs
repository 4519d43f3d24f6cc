//! `[accounts]`: who may have an account, and what it takes to use it.

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const UNVERIFIED: Key = Key::new(
    "accounts.unverified",
    Kind::Choice(&["admitted", "refused"]),
    "\"admitted\"",
    "Whether people whose account is not verified may use it. Where they are refused, they are at every step: sign-in, \
     code, refresh, UserInfo. `authly admin user update --verified` verifies an account.",
)
.default("admitted");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[&UNVERIFIED];

/// `[accounts]`, checked.
#[derive(Clone, Copy, Debug)]
pub struct AccountsConfig {
    /// Whether an unverified person is refused.
    pub require_verified: bool,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> AccountsConfig {
    AccountsConfig {
        require_verified: reader.choice(&UNVERIFIED) == "refused",
    }
}
