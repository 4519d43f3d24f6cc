//! The login throttle: only failures count, reserved before the expensive hash, delayed and never locked.

use std::time::Duration;

use async_trait::async_trait;

use super::StorageResult;
use crate::{effects::Effects, secret::TokenHash, time::Timestamp};

/// What is counted: SHA-256 over kind and value (an account's normalized name, an address or an IPv6 /64), so that
/// the table holds nothing personal and an invented name costs a fixed number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleKey(pub TokenHash);

/// How one kind of key is throttled.
#[derive(Clone, Copy, Debug)]
pub struct ThrottlePolicy {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// The delay after the first failure beyond the free ones; doubles with each further one.
    pub base_delay: Duration,
    /// The delay grows no further than this.
    pub max_delay: Duration,
    /// Without a failure for this long the count starts again.
    pub forget_after: Duration,
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// It may; a failure is counted in advance for every key, so that parallel attempts cannot outrun the count.
    Admitted,
    /// Not before this time; nothing was counted.
    Delayed {
        /// The earliest time of the next attempt.
        until: Timestamp,
    },
}

/// Counts failed attempts.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Reserves an attempt on all keys, or on none of them.
    async fn reserve_attempt(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome>;
    /// The attempt is over: takes the reserved failure back from the keys in `release` (an address: other failures
    /// of it stay) and forgets every failure of the keys in `clear` (the account). After a failure both are empty:
    /// what was reserved stands, and `effects` say what happened.
    async fn settle_attempt(
        &self,
        release: &[ThrottleKey],
        clear: &[ThrottleKey],
        effects: Effects,
    ) -> StorageResult<()>;
}
