//! Runs migrations on PostgreSQL: everything pending in one transaction, whose advisory lock makes other nodes wait
//! and then find nothing to do. The lock ends with the transaction, so it also works through a transaction pooler.

use authly_core::{StorageError, ports::StorageResult};
use tokio_postgres::{NoTls, Transaction};

use super::{columns::PgColumns, errors::failure, pool, pool::Database, statements::statements};
use crate::{
    DatabaseConfig,
    migrate::{self, Applied, MigrateError, MigrationReport, POSTGRES},
    rows::Columns as _,
};

/// One lock for all migrations of a database.
const LOCK_KEY: i64 = i64::from_be_bytes(*b"authlymi");

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BYTEA NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
)";

statements! {
    LOCK = "SELECT pg_advisory_xact_lock($1)";
    TABLE_EXISTS = "SELECT to_regclass('schema_migrations') IS NOT NULL";
    APPLIED = "SELECT version, checksum FROM schema_migrations ORDER BY version";
    RECORD = "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)";
}

/// Brings the schema up to date, all or nothing, on a connection of its own.
pub(super) async fn run(config: &DatabaseConfig) -> Result<MigrationReport, MigrateError> {
    let (mut client, connection) = pool::connection_config(config, "authly migrate")?
        .connect(NoTls)
        .await
        .map_err(failure)?;
    let driver = tokio::spawn(connection);
    let report = async {
        let transaction = client.transaction().await.map_err(failure)?;
        let report = apply(&transaction, config).await?;
        transaction.commit().await.map_err(failure)?;
        Ok(report)
    }
    .await;
    drop(client);
    // The connection says goodbye before the database is used by others; how that went changes nothing.
    drop(driver.await);
    report
}

async fn apply(
    transaction: &Transaction<'_>,
    config: &DatabaseConfig,
) -> Result<MigrationReport, MigrateError> {
    // A migration may take long, and so may another node's, for which we wait. But once it is our turn, waiting for a
    // table would make everybody else wait behind us.
    execute(
        transaction,
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0",
    )
    .await?;
    transaction.execute(LOCK, &[&LOCK_KEY]).await.map_err(failure)?;
    let patience = config.lock_timeout.as_millis();
    execute(transaction, &format!("SET LOCAL lock_timeout = {patience}")).await?;
    execute(transaction, CREATE_TABLE).await?;
    let rows = transaction.query(APPLIED, &[]).await.map_err(failure)?;
    let pending = migrate::plan(POSTGRES, &applied(&rows)?)?;
    for migration in pending {
        execute(transaction, migration.sql).await?;
        let row: &[pool::Param<'_>] = &[&migration.version, &migration.name, &migration.checksum()];
        transaction.execute(RECORD, row).await.map_err(failure)?;
    }
    Ok(migrate::report(POSTGRES, pending))
}

async fn execute(transaction: &Transaction<'_>, sql: &str) -> Result<(), StorageError> {
    transaction.batch_execute(sql).await.map_err(failure)
}

/// Whether a server may run on this schema.
pub(super) async fn check(db: &Database) -> Result<(), MigrateError> {
    let exists = db.find(TABLE_EXISTS, &[], |row| row.flag()).await?;
    let rows = if exists == Some(true) {
        db.read(APPLIED, &[]).await?
    } else {
        Vec::new()
    };
    migrate::check_current(POSTGRES, &applied(&rows)?)
}

fn applied(rows: &[tokio_postgres::Row]) -> StorageResult<Vec<Applied>> {
    rows.iter()
        .map(|row| {
            let mut columns = PgColumns::new(row);
            Ok(Applied {
                version: columns.int()?,
                checksum: columns.bytes()?,
            })
        })
        .collect()
}
