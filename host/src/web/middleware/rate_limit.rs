//! How often one address may call a route that stores something for strangers.
//!
//! The generic cell rate algorithm: an address is one point in time, when all it sent would be paid for at the steady
//! rate. Time is the request's own clock reading. A wall clock may be set back, and then such a point would lie far
//! ahead; it is never believed to be further ahead than a whole burst, so nobody waits longer than that.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use authly_core::Timestamp;

use crate::web::address::subscriber;

/// How many addresses are remembered. At this many, all of them seen within one burst's time, newcomers are refused:
/// such a flood is to meet a wall, not the database.
const ADDRESSES_MAX: usize = 100_000;
/// How often addresses that owe nothing are forgotten, at most: a walk over all of them.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A steady rate and how far one may run ahead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests of one minute in the long run; at least 1.
    pub per_minute: u32,
    /// Requests at once after a pause; at least 1.
    pub burst: u32,
}

impl RateLimit {
    /// The time that pays for one request.
    fn interval(self) -> Duration {
        Duration::from_mins(1) / self.per_minute.max(1)
    }

    /// The time that pays for a burst.
    fn span(self) -> Duration {
        self.interval().saturating_mul(self.burst.max(1))
    }
}

/// The rate of each address, IPv6 by /64.
pub struct AddressRate {
    limit: RateLimit,
    addresses_max: usize,
    state: Mutex<State>,
}

struct State {
    /// When each address has paid for what it sent.
    paid_at: HashMap<IpAddr, Timestamp>,
    swept_at: Timestamp,
}

impl AddressRate {
    /// Nobody has sent anything yet.
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            addresses_max: ADDRESSES_MAX,
            state: Mutex::new(State {
                paid_at: HashMap::new(),
                swept_at: Timestamp::from_micros(i64::MIN),
            }),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// How long to wait before the next one; this one is not counted.
    pub fn admit(&self, address: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let address = subscriber(address);
        let (interval, span) = (self.limit.interval(), self.limit.span());
        // A panic cannot happen while it is held, and each statement leaves it whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.paid_at.get(&address).copied();
        if known.is_none() {
            state.forget_the_paid(now, span);
            if state.paid_at.len() >= self.addresses_max {
                return Err(span);
            }
        }
        let paid_at = known.unwrap_or(now).clamp(now, now.plus(span));
        let after = paid_at.plus(interval);
        let too_early = after.since(now.plus(span));
        let is_admitted = too_early.is_zero();
        state
            .paid_at
            .insert(address, if is_admitted { after } else { paid_at });
        if is_admitted { Ok(()) } else { Err(too_early) }
    }
}

impl State {
    /// Drops the addresses that owe nothing, or that owe more than is possible: the clock was set back.
    fn forget_the_paid(&mut self, now: Timestamp, span: Duration) {
        if self.swept_at <= now && now.since(self.swept_at) < SWEEP_INTERVAL {
            return;
        }
        self.swept_at = now;
        self.paid_at
            .retain(|_, paid_at| *paid_at > now && *paid_at <= now.plus(span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const HOUR: Duration = Duration::from_hours(1);

    /// One request each second, three at once.
    fn rate() -> AddressRate {
        AddressRate::new(RateLimit {
            per_minute: 60,
            burst: 3,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Sends until it is refused; answers how many went through and the wait.
    fn exhaust(rate: &AddressRate, address: &str, now: Timestamp) -> (usize, Duration) {
        let mut admitted = 0;
        loop {
            match rate.admit(ip(address), now) {
                Ok(()) => admitted += 1,
                Err(wait) => return (admitted, wait),
            }
        }
    }

    #[test]
    fn a_burst_then_the_steady_rate() {
        let rate = rate();
        let second = Duration::from_secs(1);
        assert_eq!(exhaust(&rate, "192.0.2.1", NOW), (3, second));
        let just_before = NOW.plus(second).minus(Duration::from_micros(1));
        assert_eq!(
            exhaust(&rate, "192.0.2.1", just_before),
            (0, Duration::from_micros(1))
        );
        assert_eq!(exhaust(&rate, "192.0.2.1", NOW.plus(second)), (1, second));
        assert_eq!(exhaust(&rate, "192.0.2.1", NOW.plus(HOUR)), (3, second));
    }

    #[test]
    fn each_address_has_its_own_rate_and_a_64_is_one_address() {
        let rate = rate();
        exhaust(&rate, "192.0.2.1", NOW);
        exhaust(&rate, "2001:db8::1", NOW);
        assert!(rate.admit(ip("192.0.2.2"), NOW).is_ok());
        assert!(rate.admit(ip("2001:db8::2"), NOW).is_err());
        assert!(rate.admit(ip("::ffff:192.0.2.1"), NOW).is_err());
        assert!(rate.admit(ip("2001:db8:0:1::1"), NOW).is_ok());
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let rate = rate();
        exhaust(&rate, "192.0.2.1", NOW);
        let earlier = NOW.minus(HOUR);
        let (_, wait) = exhaust(&rate, "192.0.2.1", earlier);
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(rate.admit(ip("192.0.2.1"), earlier.plus(wait)).is_ok());
    }

    #[test]
    fn the_paid_are_forgotten_and_a_flood_of_addresses_meets_a_wall() {
        let rate = AddressRate {
            addresses_max: 2,
            ..rate()
        };
        exhaust(&rate, "192.0.2.1", NOW);
        assert!(rate.admit(ip("192.0.2.2"), NOW).is_ok());
        assert!(
            rate.admit(ip("192.0.2.3"), NOW).is_err(),
            "one more than are remembered"
        );
        assert!(
            rate.admit(ip("192.0.2.2"), NOW).is_ok(),
            "the remembered are served"
        );
        let later = NOW.plus(Duration::from_secs(2));
        assert!(rate.admit(ip("192.0.2.3"), later).is_ok());
        let state = rate.state.lock().unwrap();
        assert_eq!(state.paid_at.len(), 2, "{:?}", state.paid_at);
    }
}
