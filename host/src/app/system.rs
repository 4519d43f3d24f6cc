//! The real clock and the real random source: the only place that asks the operating system for either.

use std::time::{SystemTime, UNIX_EPOCH};

use authly_core::{Clock, Rng, Timestamp};

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one real clock, injected everywhere else"
    )]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970: every token is then expired, which is the safe side.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random source, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one real random source, injected everywhere else"
    )]
    fn fill(&self, dest: &mut [u8]) {
        if aws_lc_rs::rand::fill(dest).is_err() {
            // aws-lc fails only when the kernel gives no entropy. Going on with guessable secrets is worse than
            // stopping, and no caller could do anything about it.
            std::process::abort();
        }
    }
}
