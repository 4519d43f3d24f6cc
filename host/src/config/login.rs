//! `[login]`: the throttle of failed sign-ins and the pool that hashes passwords.

use authly_accounts::ThrottlePolicies;
use authly_core::ports::ThrottlePolicy;

use super::{key::Key, reader::Reader};

const ACCOUNT_FREE_FAILURES: Key = Key::integer(
    "login.account_free_failures",
    (1, 1_000),
    "5",
    "Failed attempts on one account that cost nothing. Each one more delays the next attempt on that account, twice \
     as long as the one before; the account is never locked. A browser in which its owner signed in during the last \
     180 days has a count of its own, so that strangers who guess do not hold the owner up. An attempt that comes too \
     early counts for its address.",
);
const ACCOUNT_MAX_DELAY: Key = Key::seconds(
    "login.account_max_delay",
    (1, 3_600),
    "1m",
    "The delay of an account grows no further than this.",
);
const ADDRESS_FREE_FAILURES: Key = Key::integer(
    "login.address_free_failures",
    (1, 100_000),
    "20",
    "Failed attempts from one address (IPv6: one /64) that cost nothing; offices share one. Each one more delays the \
     next attempt from there.",
);
const ADDRESS_MAX_DELAY: Key = Key::seconds(
    "login.address_max_delay",
    (1, 86_400),
    "5m",
    "The delay of an address grows no further than this.",
);
const BASE_DELAY: Key = Key::seconds(
    "login.base_delay",
    (1, 3_600),
    "1s",
    "The delay after the first failure that is not free.",
);
const FORGET_AFTER: Key = Key::seconds(
    "login.forget_after",
    (60, 30 * 86_400),
    "1h",
    "Without a failure for this long the count starts again.",
);
const PASSWORD_THREADS: Key = Key::integer(
    "login.password_threads",
    (1, 256),
    "2",
    "Threads that hash passwords. Each takes a processor and 19 MiB while it works, and checks about 60 passwords a \
     second.",
);
const PASSWORD_QUEUE: Key = Key::integer(
    "login.password_queue",
    (1, 10_000),
    "64",
    "Passwords that may wait for such a thread; a sign-in beyond that is answered with 503.",
);

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &ACCOUNT_FREE_FAILURES,
    &ACCOUNT_MAX_DELAY,
    &ADDRESS_FREE_FAILURES,
    &ADDRESS_MAX_DELAY,
    &BASE_DELAY,
    &FORGET_AFTER,
    &PASSWORD_THREADS,
    &PASSWORD_QUEUE,
];

/// The checked section.
#[derive(Clone, Debug)]
pub struct LoginConfig {
    /// How failures are throttled.
    pub throttle: ThrottlePolicies,
    /// Threads that hash passwords.
    pub password_threads: usize,
    /// Passwords that may wait for one.
    pub password_queue: usize,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> LoginConfig {
    let base_delay = reader.duration(&BASE_DELAY);
    let forget_after = reader.duration(&FORGET_AFTER);
    let mut policy = |free: &Key, max: &Key| ThrottlePolicy {
        free_failures: reader.integer(free),
        base_delay,
        max_delay: reader.duration(max),
        forget_after,
    };
    let throttle = ThrottlePolicies {
        account: policy(&ACCOUNT_FREE_FAILURES, &ACCOUNT_MAX_DELAY),
        address: policy(&ADDRESS_FREE_FAILURES, &ADDRESS_MAX_DELAY),
    };
    for (policy, key) in [
        (throttle.account, &ACCOUNT_MAX_DELAY),
        (throttle.address, &ADDRESS_MAX_DELAY),
    ] {
        if policy.max_delay < base_delay {
            reader.complain(key, "is shorter than login.base_delay");
        }
    }
    LoginConfig {
        throttle,
        password_threads: reader.integer(&PASSWORD_THREADS),
        password_queue: reader.integer(&PASSWORD_QUEUE),
    }
}
