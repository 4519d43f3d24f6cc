//! `[accounts]`: who may have an account, and what it takes to use it.

use authly_accounts::{PasswordPolicy, policy::PASSWORD_CHARS_MIN};

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const REGISTRATION: Key = Key::new(
    "accounts.registration",
    Kind::Choice(&["closed", "open"]),
    "\"closed\"",
    "Whether anybody may make an account for themselves, by POST /api/v1/users/. Such an account is not verified and is \
     in no group.",
)
.default("closed");
const PASSWORD_LENGTH_MIN: Key = Key::integer(
    "accounts.password_length_min",
    (PASSWORD_CHARS_MIN as u64, 128),
    "8",
    "The fewest characters of a new password.",
);
const PASSWORD_STRENGTH_MIN: Key = Key::integer(
    "accounts.password_strength_min",
    (0, 4),
    "2",
    "How hard a new password must be to guess, as zxcvbn estimates: 0 asks nothing, 1 a thousand guesses, 2 a million, \
     3 a hundred million, 4 ten thousand million.",
);

const UNVERIFIED: Key = Key::new(
    "accounts.unverified",
    Kind::Choice(&["admitted", "refused"]),
    "\"admitted\"",
    "Whether people whose account is not verified may use it. Where they are refused, they are at every step: sign-in, \
     code, refresh, UserInfo. `authly admin user update --verified` verifies an account.",
)
.default("admitted");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &REGISTRATION,
    &UNVERIFIED,
    &PASSWORD_LENGTH_MIN,
    &PASSWORD_STRENGTH_MIN,
];

/// `[accounts]`, checked.
#[derive(Clone, Copy, Debug)]
pub struct AccountsConfig {
    /// Whether anybody may make an account for themselves.
    pub registration_open: bool,
    /// Whether an unverified person is refused.
    pub require_verified: bool,
    /// What a new password must be.
    pub passwords: PasswordPolicy,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> AccountsConfig {
    AccountsConfig {
        registration_open: reader.choice(&REGISTRATION) == "open",
        require_verified: reader.choice(&UNVERIFIED) == "refused",
        passwords: PasswordPolicy {
            length_min: reader.integer(&PASSWORD_LENGTH_MIN),
            strength_min: reader.integer(&PASSWORD_STRENGTH_MIN),
        },
    }
}
