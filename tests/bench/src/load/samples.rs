//! Latencies of one caller, and of all together.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

/// The finest difference that is told, in nanoseconds.
const FINEST: u64 = 100;
/// A minute in nanoseconds: no answer takes longer, for the load ends before.
const LONGEST: u64 = 60_000_000_000;
/// Significant digits.
const DIGITS: u8 = 3;

/// What one caller saw while it was measured.
pub struct Samples {
    latencies: Histogram<u64>,
    /// Answers other than the expected one, and connections lost.
    pub errors: u64,
    /// What the first of them was.
    pub first_error: Option<String>,
    /// What was to be handed back.
    pub collected: Vec<String>,
    /// It ended because every token was presented.
    pub used_up: bool,
}

impl Samples {
    /// Nothing yet.
    pub fn new() -> Result<Self> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(FINEST, LONGEST, DIGITS)?,
            errors: 0,
            first_error: None,
            collected: Vec::new(),
            used_up: false,
        })
    }

    /// An answer came after `latency`.
    pub fn answered(&mut self, latency: Duration) {
        self.latencies
            .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LONGEST));
    }

    /// Something else came.
    pub fn failed(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    /// Adds what another caller saw.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.latencies.add(other.latencies)?;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        self.collected.extend(other.collected);
        self.used_up |= other.used_up;
        Ok(())
    }

    /// How many answers came.
    pub fn answers(&self) -> u64 {
        self.latencies.len()
    }

    /// So many percent of all answers came within this.
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_percentile(percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_percentiles_are_those_of_all_callers() {
        let (mut quick, mut slow) = (Samples::new().unwrap(), Samples::new().unwrap());
        for _ in 0..90 {
            quick.answered(Duration::from_millis(1));
        }
        for _ in 0..10 {
            slow.answered(Duration::from_millis(100));
        }
        slow.failed("503".to_owned());
        quick.merge(slow).unwrap();
        assert_eq!(quick.answers(), 100);
        assert_eq!((quick.errors, quick.first_error.as_deref()), (1, Some("503")));
        let near = |percent, millis: u64| {
            let off = quick.percentile(percent).abs_diff(Duration::from_millis(millis));
            off <= Duration::from_millis(millis) / 500
        };
        assert!(near(50.0, 1) && near(90.0, 1) && near(95.0, 100) && near(99.0, 100));
    }

    #[test]
    fn what_took_longer_than_a_minute_counts_as_a_minute() {
        let mut samples = Samples::new().unwrap();
        samples.answered(Duration::from_hours(1));
        assert_eq!(samples.answers(), 1);
        assert!(samples.percentile(50.0) >= Duration::from_secs(59));
    }
}
