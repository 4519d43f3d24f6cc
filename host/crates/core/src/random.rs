//! Randomness as a parameter.

use uuid::Uuid;

use crate::time::Timestamp;

/// A source of random bytes fit for secrets.
pub trait Rng: Send + Sync {
    /// Fills `dest` with unpredictable bytes.
    fn fill(&self, dest: &mut [u8]);
}

/// A time-ordered UUID (version 7, RFC 9562 §5.7) from the given clock reading and random source.
pub fn uuid_v7(now: Timestamp, rng: &dyn Rng) -> Uuid {
    let mut random = [0u8; 10];
    rng.fill(&mut random);
    let millis = u64::try_from(now.as_micros().div_euclid(1_000)).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
