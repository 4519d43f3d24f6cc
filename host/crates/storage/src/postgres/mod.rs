//! The PostgreSQL backend (15 and later): many stateless nodes on one database.
//!
//! A verb is one statement and one round trip wherever it can be, made of data-modifying CTEs that write its effects
//! too ([`effects`]). What most requests do is one statement for all that wait for it ([`together`], [`many`]). Everything runs at READ COMMITTED; what makes a statement safe there is said beside it. The pool
//! ([`pool`]) decides what is tried again. One file per aggregate, its statements as constants.

mod clients;
mod codes;
mod columns;
mod completions;
mod consents;
mod effects;
mod errors;
mod grants;
mod interactions;
mod invalidations;
mod keys;
mod many;
mod migrate;
#[cfg(test)]
mod plans;
mod plugins;
mod pool;
mod purge;
mod refresh;
mod replay;
mod rotations;
mod scopes;
mod sessions;
mod statements;
mod tenant;
mod throttle;
mod together;
mod tokens;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    TenantId, Timestamp,
    ports::{
        InvalidationBatch, InvalidationCursor, InvalidationLog, Maintenance, PurgeReport, Storage,
        StorageResult, TenantStorage,
    },
};

use self::{invalidations::Listener, many::Lines, pool::Database, tenant::Tenant};
use crate::{DatabaseConfig, MigrateError, MigrationReport, seal::Sealer};

/// Brings the schema up to date.
pub(crate) async fn migrate(config: &DatabaseConfig) -> Result<MigrationReport, MigrateError> {
    migrate::run(config).await
}

/// Opens a database whose schema is current, and starts to listen for its invalidations.
pub(crate) async fn open(config: &DatabaseConfig, sealer: Sealer) -> StorageResult<Arc<dyn Storage>> {
    let db = Arc::new(Database::new(config)?);
    migrate::check(&db).await?;
    let listener = Listener::spawn(
        pool::connection_config(config, "authly listen")?,
        Arc::clone(&db.hint),
    );
    Ok(Arc::new(PostgresStorage {
        db,
        sealer,
        _listener: listener,
    }))
}

struct PostgresStorage {
    db: Arc<Database>,
    sealer: Sealer,
    /// Stops with the storage.
    _listener: Listener,
}

impl Storage for PostgresStorage {
    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        Arc::new(Tenant {
            db: Arc::clone(&self.db),
            name: id.clone(),
            sealer: self.sealer.clone(),
            lines: Arc::new(Lines::new(&self.db, id)),
        })
    }
}

#[async_trait]
impl InvalidationLog for PostgresStorage {
    async fn invalidation_start(&self) -> StorageResult<InvalidationCursor> {
        invalidations::start(&self.db).await
    }

    async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
        invalidations::poll(&self.db, cursor).await
    }

    async fn invalidation_hint(&self) {
        self.db.hint.notified().await;
    }

    async fn ping(&self) -> StorageResult<()> {
        invalidations::ping(&self.db).await
    }
}

#[async_trait]
impl Maintenance for PostgresStorage {
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
        purge::purge(&self.db, now, batch).await
    }
}
