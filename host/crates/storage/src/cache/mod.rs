//! A cache before either backend: clients, scopes and signing keys, which every request reads and hardly any changes,
//! and how presented access tokens stand.
//!
//! What may be stale, and for how long. A node polls the invalidation sequence through the cache, and what a poll
//! answers is forgotten before it is answered: whoever then loads what has changed loads it from the database. A node's
//! own changes it forgets at once. A node that has had no good
//! poll for [`BYPASS_AFTER`] does not know what it missed: it reads through, so that an outage shows as an outage and
//! never as an old answer, and starts with empty tables once polls succeed again. So an answer is never older than
//! [`BYPASS_AFTER`].

mod forgetting;
mod forward;
mod standings;
mod tables;
mod tenant;
#[cfg(test)]
mod tests;
mod tokens;
mod weights;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
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

/// Without a good poll for this long, a node reads through its cache.
pub const BYPASS_AFTER: Duration = Duration::from_secs(2);

/// Puts a cache before `storage`. It is passed by until the first
/// [`poll_invalidations`](InvalidationLog::poll_invalidations), and learns of changes from nothing else: a node polls
/// through the cache, from one place.
pub fn cached(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>) -> CachedStorage {
    CachedStorage {
        shared: Arc::new(Shared {
            storage,
            clock,
            tenants: RwLock::default(),
            last_poll: RwLock::default(),
            position: Mutex::default(),
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
    position: Mutex<Position>,
}

/// Where the node stands in the sequence.
#[derive(Default)]
struct Position {
    /// Where the next poll begins; `None` before the first.
    cursor: Option<InvalidationCursor>,
    /// What the last poll answered. A cursor that is held back brings it again with every poll, and whoever reloads on
    /// a change must not do so each time. Never more than one poll answers: what is below the cursor does not return.
    handed_on: HashSet<i64>,
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

impl Shared {
    /// What a poll from `from`, begun at `began`, means for the tables; answers what of it is new.
    ///
    /// Only a poll that goes on from the last one, in time, knows all that happened. Any other begins anew: the tables
    /// are emptied after it, so that a load that began before it is not kept either.
    fn apply(
        &self,
        from: InvalidationCursor,
        began: Timestamp,
        fresh: bool,
        mut batch: InvalidationBatch,
    ) -> InvalidationBatch {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = position.cursor == Some(from);
        let seen = batch.items.iter().map(|item| item.seq).collect();
        if goes_on {
            batch.items.retain(|item| !position.handed_on.contains(&item.seq));
        }
        *position = Position {
            cursor: Some(batch.cursor),
            handed_on: seen,
        };
        if goes_on && fresh {
            for item in &batch.items {
                self.tables(&item.tenant).forget(&item.invalidation);
            }
        } else {
            self.forget_everything();
        }
        self.polled(began);
        batch
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
        let (began, fresh) = (self.shared.clock.now(), self.shared.is_fresh());
        let batch = self.shared.storage.poll_invalidations(cursor).await?;
        Ok(self.shared.apply(cursor, began, fresh, batch))
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
