//! Removes what has expired. Any node may do it at any time: a purge is idempotent and goes in small batches.

use std::{sync::Arc, time::Duration};

use authly_core::{Clock, ports::Maintenance};
use tokio::time::Instant;

/// Time between two purges. Short, because the nonces of rotated refresh tokens are to be erased soon after their
/// grace.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(10);
/// Rows in one step, of each kind at most: some milliseconds of a database. No statement holds its locks for long, and
/// whoever waits for SQLite's only writer does not wait long.
pub const PURGE_BATCH: u32 = 100;
/// After a step nothing is purged for so many times as long as the step took: four fifths of the time are everybody
/// else's. Rows that expire lie everywhere in their tables, so that removing them writes many pages, which those who
/// wait for a commit wait for too.
const PAUSE_STEPS: u32 = 4;

/// Purges for ever.
pub async fn purge_expired(storage: Arc<dyn Maintenance>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(PURGE_INTERVAL).await;
        purge_once(storage.as_ref(), clock.as_ref()).await;
    }
}

/// Goes on until nothing is left: a purge with a last step would fall behind whoever makes rows faster than that. It
/// pauses after each step, longer where the database has much to do and the step took long.
async fn purge_once(storage: &dyn Maintenance, clock: &dyn Clock) {
    let mut removed = 0;
    loop {
        let began = Instant::now();
        match storage.purge(clock.now(), PURGE_BATCH).await {
            Ok(report) => {
                removed += report.removed;
                if !report.more {
                    break;
                }
            }
            Err(error) => {
                // The invalidation poll reports an outage; this is only tried again.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not purge expired rows"
                );
                return;
            }
        }
        // However short the step was: others who wait for this thread come between two, and a stop does.
        tokio::task::yield_now().await;
        tokio::time::sleep(began.elapsed() * PAUSE_STEPS).await;
    }
    if removed > 0 {
        tracing::debug!(rows = removed, "purged expired rows");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use authly_core::{
        Timestamp,
        ports::{PurgeReport, StorageResult},
    };

    use super::*;

    /// How long a step takes.
    const STEP: Duration = Duration::from_millis(7);

    /// Rows left to remove, and the steps so far.
    struct Rows(Mutex<(u64, u32)>);

    impl Rows {
        fn new(rows: u64) -> Self {
            Self(Mutex::new((rows, 0)))
        }

        fn left_and_steps(&self) -> (u64, u32) {
            *self.0.lock().unwrap()
        }
    }

    #[async_trait]
    impl Maintenance for Rows {
        async fn purge(&self, _now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
            tokio::time::sleep(STEP).await;
            let mut rows = self.0.lock().unwrap();
            let removed = rows.0.min(u64::from(batch));
            *rows = (rows.0 - removed, rows.1 + 1);
            Ok(PurgeReport {
                removed,
                nonces_erased: 0,
                more: removed == u64::from(batch),
            })
        }
    }

    struct At;
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_purge_goes_on_until_nothing_is_left() {
        let batch = u64::from(PURGE_BATCH);
        for (rows, steps) in [(0, 1), (batch - 1, 1), (batch, 2), (batch * 1000, 1001)] {
            let storage = Rows::new(rows);
            purge_once(&storage, &At).await;
            assert_eq!(storage.left_and_steps(), (0, steps), "{rows}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_purge_leaves_most_of_the_time_to_others() {
        let storage = Rows::new(u64::from(PURGE_BATCH) * 1000);
        let began = Instant::now();
        purge_once(&storage, &At).await;
        assert_eq!(storage.left_and_steps(), (0, 1001));
        assert_eq!(
            began.elapsed(),
            STEP * (1001 + PAUSE_STEPS * 1000),
            "a pause after each step but the last"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_no_more_than_a_step() {
        let storage = Rows::new(u64::from(PURGE_BATCH) * 1000);
        let stopped = tokio::time::timeout(STEP, purge_once(&storage, &At)).await;
        assert!(stopped.is_err());
        assert!(storage.left_and_steps().1 <= 1);
    }
}
