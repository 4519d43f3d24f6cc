//! The SQLite backend: one file, one process that serves, and a command line that may write beside it.
//!
//! One writer thread with group commit ([`writer`]), a thread that copies its log ([`checkpoint`]), readers beside them
//! ([`readers`]), and a file per aggregate with its statements as constants.

mod access;
mod checkpoint;
mod clients;
mod codes;
mod connection;
mod consents;
mod effects;
mod grants;
mod interactions;
mod invalidations;
mod keys;
mod migrate;
#[cfg(test)]
mod plans;
mod plugins;
mod purge;
mod readers;
mod refresh;
mod replay;
mod scopes;
mod sessions;
mod throttle;
mod tokens;
mod users;
mod writer;

use std::{cell::Cell, path::Path, sync::Arc, time::Duration};

use authly_core::{
    StorageError, TenantId,
    ports::{Page, Storage, StorageResult, TenantStorage},
};
use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use self::{
    access::Access,
    checkpoint::{Checkpoints, DatabaseFile},
    readers::LookUps,
};
use crate::{DatabaseConfig, MigrateError, MigrationReport, seal::Sealer};

/// Brings the file's schema up to date, making the file when there is none.
pub(crate) fn migrate_file(path: &Path, config: &DatabaseConfig) -> Result<MigrationReport, MigrateError> {
    migrate::run(&connection::create_writer(path, config.lock_timeout)?)
}

/// Opens a file whose schema is current.
pub(crate) fn open_file(
    path: &Path,
    config: &DatabaseConfig,
    sealer: Sealer,
) -> StorageResult<Arc<dyn Storage>> {
    if !path.exists() {
        return Err(MigrateError::Missing { path: path.into() }.into());
    }
    // Before the writer sets its journal mode: a file that is refused, perhaps somebody else's, stays as it is.
    migrate::check(&connection::open_reader(path, config.lock_timeout)?)?;
    let writer = connection::open_writer(path, config.lock_timeout)?;
    let checkpoints = Checkpoints::start(
        connection::open_writer(path, config.lock_timeout)?,
        DatabaseFile::open(path)?,
    )?;
    let open = |count: usize| {
        (0..count)
            .map(|_| connection::open_reader(path, config.lock_timeout))
            .collect::<StorageResult<Vec<_>>>()
    };
    Ok(Arc::new(SqliteStorage {
        database: Arc::new(Database {
            writer: writer::start(writer, Some(checkpoints))?,
            reading: Some(Reading {
                look_ups: LookUps::new(open(config.pool_size.max(1))?),
                queue: readers::start(open(READER_THREADS)?)?,
            }),
            hint: Arc::new(Notify::new()),
            wait: config.wait_timeout,
        }),
        sealer,
    }))
}

/// Opens a fresh database in memory, migrated. It lives as long as the answer.
pub(crate) fn open_memory(config: &DatabaseConfig, sealer: Sealer) -> StorageResult<Arc<dyn Storage>> {
    let conn = connection::open_memory(config.lock_timeout)?;
    migrate::run(&conn)?;
    Ok(Arc::new(SqliteStorage {
        database: Arc::new(Database {
            writer: writer::start(conn, None)?,
            reading: None,
            hint: Arc::new(Notify::new()),
            wait: config.wait_timeout,
        }),
        sealer,
    }))
}

/// Threads for what is read at length: lists for an operator, the bytes of a plugin.
const READER_THREADS: usize = 2;

/// The connections.
struct Database {
    writer: mpsc::Sender<writer::Job>,
    /// `None` in memory: there the writer's connection is the only one there is.
    reading: Option<Reading>,
    hint: Arc<Notify>,
    wait: Duration,
}

/// The connections that read.
struct Reading {
    look_ups: LookUps,
    queue: mpsc::Sender<readers::Job>,
}

impl Database {
    /// Runs `work` on the writer and answers after its commit. It may run twice (see [`writer`]).
    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection, &Cell<bool>) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        let hint = Arc::clone(&self.hint);
        let (job, answer) = writer::job(work, move || hint.notify_waiters());
        self.ask(&self.writer, job, answer).await
    }

    /// Runs `work`, which reads a few rows by their keys, on the caller's own thread.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        let Some(reading) = &self.reading else {
            return self.write(move |conn, _| work(conn)).await;
        };
        match reading.look_ups.run(work) {
            Ok(found) => found,
            Err(work) => self.read(work).await,
        }
    }

    /// Runs `work` on a reader.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        match &self.reading {
            Some(reading) => {
                let (job, answer) = readers::job(work);
                self.ask(&reading.queue, job, answer).await
            }
            None => self.write(move |conn, _| work(conn)).await,
        }
    }

    async fn ask<J: Send, T>(
        &self,
        queue: &mpsc::Sender<J>,
        job: J,
        answer: oneshot::Receiver<StorageResult<T>>,
    ) -> StorageResult<T> {
        match tokio::time::timeout(self.wait, queue.send(job)).await {
            Err(_) => return Err(unavailable("the queue is full")),
            Ok(Err(_)) => return Err(unavailable("the thread has stopped")),
            Ok(Ok(())) => {}
        }
        answer
            .await
            .unwrap_or_else(|_| Err(unavailable("the thread has stopped")))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("SQLite: {0}")]
struct Unanswered(&'static str);

fn unavailable(why: &'static str) -> StorageError {
    StorageError::Unavailable(Box::new(Unanswered(why)))
}

struct SqliteStorage {
    database: Arc<Database>,
    sealer: Sealer,
}

impl Storage for SqliteStorage {
    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        Arc::new(SqliteTenant {
            database: Arc::clone(&self.database),
            sealer: self.sealer.clone(),
            tenant: id.clone(),
        })
    }
}

struct SqliteTenant {
    database: Arc<Database>,
    sealer: Sealer,
    tenant: TenantId,
}

impl SqliteTenant {
    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Access<'_>) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        let (tenant, sealer) = (self.tenant.clone(), self.sealer.clone());
        self.database
            .write(move |conn, invalidated| {
                work(&Access {
                    conn,
                    tenant: &tenant,
                    sealer: &sealer,
                    invalidated,
                })
            })
            .await
    }

    /// Work that reads, given the tenant's view of whatever connection it gets.
    fn reading<T>(
        &self,
        work: impl Fn(&Access<'_>) -> StorageResult<T> + Send + 'static,
    ) -> impl Fn(&Connection) -> StorageResult<T> + Send + 'static {
        let (tenant, sealer) = (self.tenant.clone(), self.sealer.clone());
        move |conn| {
            work(&Access {
                conn,
                tenant: &tenant,
                sealer: &sealer,
                invalidated: &Cell::new(false),
            })
        }
    }

    /// Reads a few rows by their keys.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl Fn(&Access<'_>) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        self.database.look_up(self.reading(work)).await
    }

    /// Reads what may take longer.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Access<'_>) -> StorageResult<T> + Send + 'static,
    ) -> StorageResult<T> {
        self.database.read(self.reading(work)).await
    }
}

/// A page's start and length; every key is greater than the empty text.
fn window(page: &Page) -> (String, u32) {
    (
        page.after.clone().unwrap_or_default(),
        page.limit.min(Page::LIMIT_MAX),
    )
}

/// Every statement of this backend: its file, its name, its text.
#[cfg(test)]
fn every() -> Vec<(&'static str, &'static str, &'static str)> {
    let files = [
        ("clients", clients::ALL),
        ("codes", codes::ALL),
        ("consents", consents::ALL),
        ("effects", effects::ALL),
        ("grants", grants::ALL),
        ("interactions", interactions::ALL),
        ("invalidations", invalidations::ALL),
        ("keys", keys::ALL),
        ("plugins", plugins::ALL),
        ("purge", purge::ALL),
        ("refresh", refresh::ALL),
        ("replay", replay::ALL),
        ("scopes", scopes::ALL),
        ("sessions", sessions::ALL),
        ("throttle", throttle::ALL),
        ("tokens", tokens::ALL),
        ("users", users::ALL),
    ];
    files
        .into_iter()
        .flat_map(|(file, all)| all.iter().map(move |(name, sql)| (file, *name, *sql)))
        .collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn every_statement_prepares() {
        let conn = connection::open_memory(Duration::from_secs(1)).unwrap();
        migrate::run(&conn).unwrap();
        for (file, name, sql) in every() {
            conn.prepare(sql)
                .unwrap_or_else(|e| panic!("{file} {name}: {e}\n{sql}"));
        }
    }

    #[test]
    fn no_statement_is_planned_again_for_other_values() {
        let conn = connection::open_memory(Duration::from_secs(1)).unwrap();
        migrate::run(&conn).unwrap();
        for (file, name, sql) in every() {
            for value in 0..3 {
                let mut statement = conn.prepare_cached(sql).unwrap();
                for parameter in 1..=statement.parameter_count() {
                    statement.raw_bind_parameter(parameter, value).unwrap();
                }
                // What the tables do not take was planned all the same.
                let mut rows = statement.raw_query();
                while rows.next().is_ok_and(|row| row.is_some()) {}
                drop(rows);
                let again = statement.get_status(StatementStatus::RePrepare);
                assert_eq!(again, 0, "{file} {name}\n{sql}");
            }
        }
    }
}
