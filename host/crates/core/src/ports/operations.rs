//! What keeps nodes in step and tables small.

use async_trait::async_trait;

use super::StorageResult;
use crate::{effects::Invalidation, ids::TenantId, time::Timestamp};

/// Where a node stands in the invalidation sequence. Opaque to all but the backend that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidationCursor(pub i64);

/// One entry of the invalidation sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequencedInvalidation {
    /// Its number, by which a poller knows one it has been given before. Says nothing about the order of commits.
    pub seq: i64,
    /// Whose it is.
    pub tenant: TenantId,
    /// What to forget.
    pub invalidation: Invalidation,
}

/// What a poll found.
#[derive(Clone, Debug)]
pub struct InvalidationBatch {
    /// Everything that may be new, some of it perhaps seen before: applying is idempotent.
    pub items: Vec<SequencedInvalidation>,
    /// Where to poll from next.
    pub cursor: InvalidationCursor,
}

/// The invalidation sequence, the truth on both databases.
#[async_trait]
pub trait InvalidationLog: Send + Sync {
    /// The cursor for a node that starts with empty caches.
    async fn invalidation_start(&self) -> StorageResult<InvalidationCursor>;
    /// What happened since. PostgreSQL: every visible row with xid ≥ the cursor, and the snapshot's xmin as the next
    /// cursor, because its sequences commit out of order.
    async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch>;
    /// Waits until the database hints that something is new (PostgreSQL's NOTIFY, a local write), or for ever. Only a
    /// hint: the poll decides.
    async fn invalidation_hint(&self);
    /// Whether the database answers: the readiness check.
    async fn ping(&self) -> StorageResult<()>;
}

/// How many rows a purge removed or emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Rows removed.
    pub removed: u64,
    /// Refresh nonces erased because their grace ended.
    pub nonces_erased: u64,
    /// Something took as many rows as it may: there may be more, and another purge is due.
    pub more: bool,
}

/// Housekeeping, in batches, by any node at any time.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Removes expired codes, interactions, sessions, refresh tokens, dead grants, idle throttle counts and old
    /// invalidations, at most `batch` rows of each, and erases the nonces whose grace ended.
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport>;
}
