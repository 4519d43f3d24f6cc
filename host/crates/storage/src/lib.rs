//! Authly's storage: every port of `authly_core::ports` on SQLite and on PostgreSQL, and the one place that knows SQL.
//!
//! What both backends share lives here: sealing ([`Sealer`]), the migration runner ([`migrate`]), how rows become
//! domain types (`rows`, `codec`), and the rules by which a backend names an outcome after the database has decided it
//! (`rules`). [`cache`] puts a bounded, invalidated cache before either.

pub mod cache;
mod codec;
mod config;
mod migrate;
#[cfg(test)]
mod plans;
mod postgres;
mod rows;
mod rules;
mod seal;
mod sqlite;

use std::{sync::Arc, time::Duration};

use authly_core::{StorageError, ports::Storage};

pub use config::DatabaseConfig;
use config::Target;
pub use migrate::{MigrateError, MigrationReport};
pub use seal::{SealKeyError, Sealer};

/// How long an invalidation is kept after a purge first saw it. A node that could not poll for longer than a few
/// seconds forgets everything and starts anew, so this only has to outlive a slow poll.
pub(crate) const INVALIDATION_RETENTION: Duration = Duration::from_hours(1);

/// How long a code and an interaction are kept after their end: a spent code that comes back must still be known, to
/// revoke what it gave (RFC 6749 §4.1.2), and a person who comes back to an old page must be able to begin again.
pub(crate) const ENDED_RETENTION: Duration = Duration::from_hours(24);

/// How long what refuses a token is kept after the token's end: another node's clock may be behind.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Opens a database whose schema is current. `sqlite::memory:` is made and migrated on the spot, and is gone with the
/// last handle.
///
/// # Errors
/// `Unavailable` when the database cannot be reached; `Backend` around a [`MigrateError`] when its schema is not the
/// one this release knows; `Backend` for a URL that names no database.
pub async fn open(config: &DatabaseConfig, sealer: Sealer) -> Result<Arc<dyn Storage>, StorageError> {
    match config.target()? {
        Target::SqliteFile(path) => {
            let config = config.clone();
            blocking(move || sqlite::open_file(&path, &config, sealer)).await?
        }
        Target::SqliteMemory => sqlite::open_memory(config, sealer),
        Target::Postgres => postgres::open(config, sealer).await,
    }
}

/// Brings the schema up to date, under a lock: several processes may try at once. Makes an SQLite file that is not
/// there; its directory must be.
///
/// # Errors
/// [`MigrateError`]: a newer schema, a changed file, or a database that cannot be reached.
pub async fn migrate(config: &DatabaseConfig) -> Result<MigrationReport, MigrateError> {
    match config.target()? {
        Target::SqliteFile(path) => {
            let config = config.clone();
            blocking(move || sqlite::migrate_file(&path, &config)).await?
        }
        Target::SqliteMemory => Ok(migrate::report(migrate::SQLITE, &[])),
        Target::Postgres => postgres::migrate(config).await,
    }
}

/// Runs file work off the executor.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| StorageError::Backend(Box::new(e)))
}
