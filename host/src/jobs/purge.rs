//! Removes what has expired. Any node may do it at any time: a purge is idempotent and goes in small batches.

use std::{sync::Arc, time::Duration};

use authly_core::{Clock, ports::Maintenance};

/// Time between two purges. Short, because the nonces of rotated refresh tokens are to be erased soon after their
/// grace.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(10);
/// Rows of each kind in one step, so that no statement holds its locks for long.
pub const PURGE_BATCH: u32 = 500;

/// Purges for ever.
pub async fn purge_expired(storage: Arc<dyn Maintenance>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(PURGE_INTERVAL).await;
        purge_once(storage.as_ref(), clock.as_ref()).await;
    }
}

/// Goes on until a step finds less than it may take: a purge with a last step would fall behind whoever makes rows
/// faster than that.
async fn purge_once(storage: &dyn Maintenance, clock: &dyn Clock) {
    let mut removed = 0;
    loop {
        match storage.purge(clock.now(), PURGE_BATCH).await {
            Ok(report) => {
                removed += report.removed;
                if report.removed.max(report.nonces_erased) < u64::from(PURGE_BATCH) {
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
        // Others who wait for the database or this thread come between two steps, and a stop does.
        tokio::task::yield_now().await;
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

    /// Rows left to remove.
    struct Rows(Mutex<(u64, u32)>);

    #[async_trait]
    impl Maintenance for Rows {
        async fn purge(&self, _now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
            let mut rows = self.0.lock().unwrap();
            let removed = rows.0.min(u64::from(batch));
            *rows = (rows.0 - removed, rows.1 + 1);
            Ok(PurgeReport {
                removed,
                nonces_erased: 0,
            })
        }
    }

    struct At;
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_secs(1)
        }
    }

    #[tokio::test]
    async fn a_purge_goes_on_until_nothing_is_left() {
        let batch = u64::from(PURGE_BATCH);
        for (rows, steps) in [(0, 1), (batch - 1, 1), (batch, 2), (batch * 1000, 1001)] {
            let storage = Rows(Mutex::new((rows, 0)));
            purge_once(&storage, &At).await;
            assert_eq!(*storage.0.lock().unwrap(), (0, steps), "{rows}");
        }
    }

    #[tokio::test]
    async fn a_purge_lets_others_run_between_its_steps() {
        let storage = Rows(Mutex::new((u64::from(PURGE_BATCH) * 1000, 0)));
        tokio::select! {
            biased;
            () = purge_once(&storage, &At) => {}
            () = std::future::ready(()) => {}
        }
        assert_eq!(storage.0.lock().unwrap().1, 1, "a stop waits for one step only");
    }
}
