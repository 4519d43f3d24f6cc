//! How failed logins delay the next attempt.

use std::time::Duration;

use authly_core::{Timestamp, ports::ThrottlePolicy};

/// A stored count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failures {
    pub count: i64,
    pub last_at: Timestamp,
    /// Without a failure until then the count starts again.
    pub forget_at: Timestamp,
}

/// When the next attempt may be made, if not at `now`.
pub(crate) fn delayed_until(
    stored: Option<Failures>,
    policy: &ThrottlePolicy,
    now: Timestamp,
) -> Option<Timestamp> {
    let live = stored.filter(|f| now < f.forget_at)?;
    let beyond = live.count.saturating_sub(i64::from(policy.free_failures));
    let doublings = u32::try_from(beyond.checked_sub(1).filter(|d| *d >= 0)?).unwrap_or(u32::MAX);
    let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
    let delay = policy.base_delay.saturating_mul(factor).min(policy.max_delay);
    Some(live.last_at.plus(delay)).filter(|until| now < *until)
}

/// The count with one more failure.
pub(crate) fn counted(stored: Option<Failures>, policy: &ThrottlePolicy, now: Timestamp) -> Failures {
    let before = stored.filter(|f| now < f.forget_at).map_or(0, |f| f.count);
    // The count must outlive its own delay, or waiting it out would wipe the slate.
    let forget_after: Duration = policy.forget_after.max(policy.max_delay);
    Failures {
        count: before.saturating_add(1),
        last_at: now,
        forget_at: now.plus(forget_after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: ThrottlePolicy = ThrottlePolicy {
        free_failures: 2,
        base_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(8),
        forget_after: Duration::from_mins(1),
    };

    fn after(count: i64) -> Failures {
        let last_at = Timestamp::from_secs(100);
        Failures {
            count,
            last_at,
            forget_at: last_at.plus(POLICY.forget_after),
        }
    }

    #[test]
    fn delay_doubles_beyond_the_free_failures_up_to_its_limit() {
        let now = Timestamp::from_secs(100);
        let delay = |count| delayed_until(Some(after(count)), &POLICY, now).map_or(0, |t| t.as_secs() - 100);
        let seen: Vec<i64> = [0, 1, 2, 3, 4, 5, 6, 7, 500].map(delay).to_vec();
        assert_eq!(seen, [0, 0, 0, 1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn delay_is_over_at_its_end() {
        let until = |secs| delayed_until(Some(after(3)), &POLICY, Timestamp::from_secs(secs));
        assert_eq!(until(100), Some(Timestamp::from_secs(101)));
        assert_eq!(until(101), None);
    }

    #[test]
    fn count_starts_again_when_it_is_forgotten() {
        let counted_at = |secs| counted(Some(after(5)), &POLICY, Timestamp::from_secs(secs)).count;
        assert_eq!(counted_at(159), 6);
        assert_eq!(counted_at(160), 1);
        assert_eq!(counted(None, &POLICY, Timestamp::from_secs(0)).count, 1);
    }
}
