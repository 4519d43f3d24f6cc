//! `[accounts]`: who may have an account, and what it takes to use it.

use authly_accounts::{PasswordPolicy, policy::PASSWORD_CHARS_MIN};

use super::{
    key::{Key, Kind},
    reader::Reader,
};
use crate::web::middleware::rate_limit::RateLimit;

const REGISTRATION: Key = Key::new(
    "accounts.registration",
    Kind::Choice(&["closed", "open"]),
    "\"closed\"",
    "Whether anybody may make an account for themselves, by POST /api/v1/users/. Such an account is not verified and is \
     in no group.",
)
.default("closed");
const REGISTRATION_RATE: Key = Key::integer(
    "accounts.registration_rate_per_minute",
    (1, 100_000),
    "2",
    "Registrations of one client address in the long run; an IPv6 /64 counts as one. Each costs as much work as a \
     sign-in. Beyond it the answer is 429 with `Retry-After`. All of them together may fill an eighth of \
     `login.password_queue`; beyond that the answer is 503.",
);
const REGISTRATION_BURST: Key = Key::integer(
    "accounts.registration_burst",
    (1, 100_000),
    "10",
    "How many of them may come at once after a pause.",
);
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
    &REGISTRATION_RATE,
    &REGISTRATION_BURST,
    &UNVERIFIED,
    &PASSWORD_LENGTH_MIN,
    &PASSWORD_STRENGTH_MIN,
];

/// `[accounts]`, checked.
#[derive(Clone, Copy, Debug)]
pub struct AccountsConfig {
    /// Whether anybody may make an account for themselves.
    pub registration_open: bool,
    /// How often one address may.
    pub registration_rate: RateLimit,
    /// Whether an unverified person is refused.
    pub require_verified: bool,
    /// What a new password must be.
    pub passwords: PasswordPolicy,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> AccountsConfig {
    AccountsConfig {
        registration_open: reader.choice(&REGISTRATION) == "open",
        registration_rate: RateLimit {
            per_minute: reader.integer(&REGISTRATION_RATE),
            burst: reader.integer(&REGISTRATION_BURST),
        },
        require_verified: reader.choice(&UNVERIFIED) == "refused",
        passwords: PasswordPolicy {
            length_min: reader.integer(&PASSWORD_LENGTH_MIN),
            strength_min: reader.integer(&PASSWORD_STRENGTH_MIN),
        },
    }
}
