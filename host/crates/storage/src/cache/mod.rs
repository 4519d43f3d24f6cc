//! A cache before either backend: clients, scopes and signing keys, which every request reads and hardly any changes.
//!
//! What may be stale, and for how long. A node polls the invalidation sequence every [`POLL_INTERVAL`], sooner when
//! the database hints, and forgets what others changed. Its own changes it forgets at once. A node that has had no good
//! poll for [`BYPASS_AFTER`] does not know what it missed: it reads through, so that an outage shows as an outage and
//! never as an old answer, and starts with empty tables once polls succeed again. So an answer is never older than
//! [`BYPASS_AFTER`].

mod forward;
mod tables;
mod tenant;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use authly_core::{
    Clock, TenantId, Timestamp,
    ports::{
        InvalidationBatch, InvalidationCursor, InvalidationLog, Maintenance, PurgeReport, Storage,
        StorageResult, TenantStorage,
    },
};

use self::{tables::Tables, tenant::CachedTenant};

/// How often a node polls when nothing hints.
pub const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Without a good poll for this long, a node reads through its cache.
pub const BYPASS_AFTER: Duration = Duration::from_secs(2);

/// Puts a cache before `storage`. It is passed by until the first [`poll_once`](CachedStorage::poll_once), which
/// [`run`](CachedStorage::run) makes at once.
pub fn cached(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>) -> CachedStorage {
    CachedStorage {
        shared: Arc::new(Shared {
            storage,
            clock,
            tenants: RwLock::default(),
            last_poll: RwLock::default(),
            cursor: tokio::sync::Mutex::default(),
        }),
    }
}

/// A storage that remembers. Clones share what they remember.
#[derive(Clone)]
pub struct CachedStorage {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    tenants: RwLock<HashMap<TenantId, Arc<Tables>>>,
    /// When the last good poll began.
    last_poll: RwLock<Option<Timestamp>>,
    /// Where the next poll begins. Held while polling: one poll at a time.
    cursor: tokio::sync::Mutex<Option<InvalidationCursor>>,
}

impl Shared {
    /// Whether the tables may be believed now. A clock that went backwards says nothing about how long ago the last
    /// poll was.
    fn is_fresh(&self) -> bool {
        let now = self.clock.now();
        let last = *self.last_poll.read().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last <= now && now.since(last) < BYPASS_AFTER)
    }

    fn polled(&self, at: Timestamp) {
        *self.last_poll.write().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn tables(&self, tenant: &TenantId) -> Arc<Tables> {
        let known = self
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tenant)
            .cloned();
        known.unwrap_or_else(|| {
            let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tenants.entry(tenant.clone()).or_default())
        })
    }

    fn forget_everything(&self) {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        for tables in tenants.values() {
            tables.clear();
        }
    }
}

impl CachedStorage {
    /// Forgets what other nodes have changed since the last poll; or, when that is too long ago, everything.
    ///
    /// # Errors
    /// Those of the database; nothing was forgotten, and the next poll begins where this one did.
    pub async fn poll_once(&self) -> StorageResult<()> {
        let mut cursor = self.shared.cursor.lock().await;
        let began = self.shared.clock.now();
        match *cursor {
            Some(from) if self.shared.is_fresh() => {
                let batch = self.shared.storage.poll_invalidations(from).await?;
                for (tenant, invalidation) in &batch.items {
                    self.shared.tables(tenant).forget(invalidation);
                }
                *cursor = Some(batch.cursor);
            }
            // The cursor before the tables: what changes in between is seen by the next poll.
            _ => {
                *cursor = Some(self.shared.storage.invalidation_start().await?);
                self.shared.forget_everything();
            }
        }
        self.shared.polled(began);
        Ok(())
    }

    /// Polls until `shutdown` is done. Run one of these per node.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut reachable = true;
        loop {
            match self.poll_once().await {
                Ok(()) if !reachable => {
                    tracing::info!("the invalidation sequence can be read again; caches are in use");
                    reachable = true;
                }
                Err(error) if reachable => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "the invalidation sequence cannot be read; caches will be passed by"
                    );
                    reachable = false;
                }
                Ok(()) | Err(_) => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                // Only while polls work: a hint must not turn an outage into a busy loop.
                () = self.shared.storage.invalidation_hint(), if reachable => {}
            }
        }
    }
}

impl Storage for CachedStorage {
    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        Arc::new(CachedTenant {
            inner: self.shared.storage.tenant(id),
            tables: self.shared.tables(id),
            shared: Arc::clone(&self.shared),
        })
    }
}

#[async_trait]
impl InvalidationLog for CachedStorage {
    async fn invalidation_start(&self) -> StorageResult<InvalidationCursor> {
        self.shared.storage.invalidation_start().await
    }

    async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
        self.shared.storage.poll_invalidations(cursor).await
    }

    async fn invalidation_hint(&self) {
        self.shared.storage.invalidation_hint().await;
    }

    async fn ping(&self) -> StorageResult<()> {
        self.shared.storage.ping().await
    }
}

#[async_trait]
impl Maintenance for CachedStorage {
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
        self.shared.storage.purge(now, batch).await
    }
}
