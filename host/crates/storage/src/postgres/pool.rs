//! Connections: how they are made, how long anything may take, and what is tried again.

use std::time::Duration;

use authly_core::{StorageError, ports::StorageResult};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio::{sync::Notify, time::timeout};
use tokio_postgres::{Config, NoTls, Row, config::SslMode, types::ToSql};

use super::{
    columns::PgColumns,
    errors::{failure, lost_connection, pool_failure},
};
use crate::{config::DatabaseConfig, rows::Columns as _};

/// A parameter of a statement.
pub(super) type Param<'a> = &'a (dyn ToSql + Sync);

/// How often a statement is run again when the database chose it as the victim of a deadlock.
const SERIALIZATION_RETRIES: u32 = 3;

/// How long after its `statement_timeout` a statement may stay unanswered before its connection is given up: then it
/// is the network that is silent, not the server.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);

/// A transaction of ours that waits for its client this long is a bug or a dead client; its locks must go.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// When to ask a silent peer whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// A database that cannot be used as configured.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("database.url is not a PostgreSQL URL")]
    Url(#[source] tokio_postgres::Error),
    #[error(
        "database.url asks for sslmode=require, which this release cannot do: use a Unix socket, a private network or a TLS tunnel"
    )]
    Tls,
}

#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL did not answer in time")]
struct NoAnswer;

/// The pool, and the rules of its use.
#[derive(Debug)]
pub(super) struct Database {
    pool: Pool,
    answer_timeout: Duration,
    /// Wakes whoever waits for invalidations.
    pub hint: std::sync::Arc<Notify>,
}

/// A statement that did not succeed.
struct Failure {
    error: StorageError,
    /// Another connection may do better.
    lost: bool,
    /// The statement may have reached the server, and may have been committed there.
    sent: bool,
}

impl Failure {
    fn new(error: tokio_postgres::Error, sent: bool) -> Self {
        Self {
            lost: lost_connection(&error),
            error: failure(error),
            sent,
        }
    }
}

impl Database {
    /// A pool that connects when it is first used.
    pub(super) fn new(config: &DatabaseConfig) -> StorageResult<Self> {
        let manager = Manager::from_config(
            connection_config(config, "authly")?,
            NoTls,
            ManagerConfig {
                // A closed connection is noticed without asking the server; what it costs is one retry.
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            // The connection that was used last is the one whose server has everything at hand.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.wait_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .build()
            .map_err(|error| StorageError::Backend(Box::new(error)))?;
        Ok(Self {
            pool,
            answer_timeout: config.statement_timeout.saturating_add(ANSWER_MARGIN),
            hint: std::sync::Arc::default(),
        })
    }

    /// A connection, for the verbs that need more than one statement.
    pub(super) async fn client(&self) -> StorageResult<Object> {
        self.pool.get().await.map_err(pool_failure)
    }

    /// How long a verb of several statements may take.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// What became of a verb of several statements. A connection that did not answer in time is not used again.
    pub(super) fn settle<T>(
        client: Object,
        outcome: Result<StorageResult<T>, tokio::time::error::Elapsed>,
    ) -> StorageResult<T> {
        outcome.unwrap_or_else(|_| {
            drop(Object::take(client));
            Err(StorageError::Unavailable(Box::new(NoAnswer)))
        })
    }

    /// Runs a statement that changes nothing; again on another connection when the first was lost.
    pub(super) async fn read(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>> {
        match self.attempt(sql, params).await {
            Err(failed) if failed.lost => {
                self.discard_idle();
                self.attempt(sql, params).await.map_err(|f| f.error)
            }
            outcome => outcome.map_err(|f| f.error),
        }
    }

    /// The first row of a statement that changes nothing.
    pub(super) async fn find<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        decode: impl FnOnce(&mut PgColumns<'_>) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        let rows = self.read(sql, params).await?;
        rows.first()
            .map(|row| decode(&mut PgColumns::new(row)))
            .transpose()
    }

    /// Every row of a statement that changes nothing.
    pub(super) async fn list<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        mut decode: impl FnMut(&mut PgColumns<'_>) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        let rows = self.read(sql, params).await?;
        rows.iter().map(|row| decode(&mut PgColumns::new(row))).collect()
    }

    /// Runs a statement that changes something, once: again only when nothing of it can have been committed, because
    /// it was not sent or because the server rolled it back.
    pub(super) async fn write(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>> {
        let mut unsent = 0;
        let mut rolled_back = 0;
        loop {
            let failed = match self.attempt(sql, params).await {
                Ok(rows) => return Ok(rows),
                Err(failed) => failed,
            };
            match failed.error {
                StorageError::Serialization(_) if rolled_back < SERIALIZATION_RETRIES => rolled_back += 1,
                _ if failed.lost && !failed.sent && unsent == 0 => {
                    self.discard_idle();
                    unsent += 1;
                }
                error => return Err(error),
            }
        }
    }

    /// Runs a statement that ends in [`effects!`](super::effects::effects): whether it did what its verb says.
    pub(super) async fn decide(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<bool> {
        let (done, ()) = self.decide_and(sql, params, |_| Ok(())).await?;
        Ok(done)
    }

    /// The same for a statement that answers more, in further columns.
    pub(super) async fn decide_and<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        decode: impl FnOnce(&mut PgColumns<'_>) -> StorageResult<T>,
    ) -> StorageResult<(bool, T)> {
        let rows = self.write(sql, params).await?;
        let row = rows.first().ok_or_else(|| crate::codec::corrupt("no outcome"))?;
        self.decided(row, decode)
    }

    /// Reads the row of a statement that ends in [`effects!`](super::effects::effects).
    pub(super) fn decided<T>(
        &self,
        row: &Row,
        decode: impl FnOnce(&mut PgColumns<'_>) -> StorageResult<T>,
    ) -> StorageResult<(bool, T)> {
        let mut columns = PgColumns::new(row);
        let done = columns.flag()?;
        if columns.int()? > 0 {
            // Other nodes hear of it by NOTIFY; this one need not wait for its own.
            self.hint.notify_one();
        }
        Ok((done, decode(&mut columns)?))
    }

    /// One connection turned out dead: those that lay beside it, through the same restart or the same silent proxy,
    /// are no better, and the next attempt is the last.
    fn discard_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    async fn attempt(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Failure> {
        let client = self.pool.get().await.map_err(|error| Failure {
            // The pool has tried a new connection already; the wait for a free one is over.
            lost: false,
            sent: false,
            error: pool_failure(error),
        })?;
        let work = async {
            let statement = client
                .prepare_cached(sql)
                .await
                .map_err(|e| Failure::new(e, false))?;
            // Nothing is sent on a connection that is known to be closed.
            let sent = !client.is_closed();
            client
                .query(&statement, params)
                .await
                .map_err(|e| Failure::new(e, sent))
        };
        timeout(self.answer_timeout, work).await.unwrap_or_else(|_| {
            drop(Object::take(client));
            Err(Failure {
                error: StorageError::Unavailable(Box::new(NoAnswer)),
                lost: false,
                sent: true,
            })
        })
    }
}

/// Rows are to be found by their keys, whatever the planner believes of a table: without figures about it, as on the first
/// day of a database, it reads all rows of the tenant to join them, 1.8 ms of a rotation that takes 0.3. A statement is planned once
/// on a connection: for an array of one it would be planned each time, which costs more than to run it.
const BY_KEY: &str = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off \
     -c plan_cache_mode=force_generic_plan";

/// How to connect. Every limit is the server's as well as ours, so that an abandoned statement does not hold its locks.
pub(super) fn connection_config(config: &DatabaseConfig, application: &str) -> StorageResult<Config> {
    let mut pg: Config = config
        .url
        .parse()
        .map_err(|e| StorageError::Backend(Box::new(ConfigError::Url(e))))?;
    if pg.get_ssl_mode() == SslMode::Require {
        return Err(StorageError::Backend(Box::new(ConfigError::Tls)));
    }
    let limits = format!(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} {BY_KEY}",
        config.statement_timeout.as_millis(),
        config.lock_timeout.as_millis(),
        IDLE_IN_TRANSACTION_MAX.as_millis(),
    );
    // The operator's own come last and win.
    let options = pg
        .get_options()
        .map_or_else(|| limits.clone(), |own| format!("{limits} {own}"));
    pg.options(options)
        .connect_timeout(config.connect_timeout)
        .keepalives_idle(KEEPALIVE_IDLE)
        .tcp_user_timeout(config.statement_timeout.saturating_add(ANSWER_MARGIN));
    if pg.get_application_name().is_none() {
        pg.application_name(application);
    }
    Ok(pg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_given_to_the_server() {
        let config = DatabaseConfig::new("postgres://u@h/d?options=-c%20work_mem=1MB");
        let pg = connection_config(&config, "authly").unwrap();
        let options = pg.get_options().unwrap();
        for limit in [
            "statement_timeout=10000",
            "lock_timeout=5000",
            "idle_in_transaction_session_timeout=10000",
            "enable_hashjoin=off",
            "plan_cache_mode=force_generic_plan",
        ] {
            assert!(options.contains(limit), "{options}");
        }
        assert!(options.ends_with("-c work_mem=1MB"), "{options}");
        assert_eq!(pg.get_application_name(), Some("authly"));
    }

    #[test]
    fn tls_is_refused_in_plain_words_rather_than_skipped() {
        let config = DatabaseConfig::new("postgres://u@h/d?sslmode=require");
        let error = Database::new(&config).map(drop).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("sslmode=require"), "{cause}");
    }

    #[test]
    fn a_bad_url_is_refused_before_anything_is_connected() {
        let error = Database::new(&DatabaseConfig::new("postgres://u@h:port/d"))
            .map(drop)
            .unwrap_err();
        assert!(matches!(error, StorageError::Backend(_)));
    }
}
