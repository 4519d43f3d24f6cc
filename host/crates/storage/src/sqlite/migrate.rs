//! Runs migrations on SQLite. `BEGIN EXCLUSIVE` is the lock: a second process waits, then finds nothing to do.

use rusqlite::{Connection, params};

use super::{
    access::{execute, list},
    connection::failure,
};
use crate::{
    migrate::{self, Applied, MigrateError, MigrationReport, SQLITE},
    rows::Columns as _,
};

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL,
    applied_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT";
const TABLE_EXISTS: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'";
const APPLIED: &str = "SELECT version, checksum FROM schema_migrations ORDER BY version";
const RECORD: &str = "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)";

/// Brings the schema up to date, all or nothing.
pub(super) fn run(conn: &Connection) -> Result<MigrationReport, MigrateError> {
    conn.execute_batch("BEGIN EXCLUSIVE").map_err(failure)?;
    let result = apply(conn);
    let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = conn.execute_batch(end).map_err(failure);
    let report = result?;
    ended?;
    Ok(report)
}

fn apply(conn: &Connection) -> Result<MigrationReport, MigrateError> {
    conn.execute_batch(CREATE_TABLE).map_err(failure)?;
    let pending = migrate::plan(SQLITE, &applied(conn)?)?;
    for migration in pending {
        conn.execute_batch(migration.sql).map_err(failure)?;
        let row = params![migration.version, migration.name, migration.checksum()];
        execute(conn, RECORD, row)?;
    }
    Ok(migrate::report(SQLITE, pending))
}

/// Whether a server may run on this schema.
pub(super) fn check(conn: &Connection) -> Result<(), MigrateError> {
    let rows = if list(conn, TABLE_EXISTS, [], |_| Ok(()))?.is_empty() {
        Vec::new()
    } else {
        applied(conn)?
    };
    migrate::check_current(SQLITE, &rows)
}

fn applied(conn: &Connection) -> Result<Vec<Applied>, MigrateError> {
    let rows = list(conn, APPLIED, [], |row| {
        Ok(Applied {
            version: row.int()?,
            checksum: row.bytes()?,
        })
    });
    Ok(rows?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sqlite::connection::{create_writer, open_memory};

    const BUSY: Duration = Duration::from_secs(10);

    #[test]
    fn run_applies_once_and_reports_it() {
        let conn = open_memory(BUSY).unwrap();
        assert!(matches!(check(&conn), Err(MigrateError::Behind { found: 0, .. })));
        let report = run(&conn).unwrap();
        assert_eq!(report.applied.len(), SQLITE.len());
        assert_eq!(run(&conn).unwrap().applied, Vec::<String>::new());
        check(&conn).unwrap();
    }

    #[test]
    fn run_refuses_a_newer_schema_and_a_changed_file() {
        let conn = open_memory(BUSY).unwrap();
        run(&conn).unwrap();
        conn.execute(RECORD, params![9_999, "later", [0u8; 32]]).unwrap();
        assert!(matches!(
            run(&conn),
            Err(MigrateError::Newer { found: 9_999, .. })
        ));
        assert!(matches!(check(&conn), Err(MigrateError::Newer { .. })));
        conn.execute_batch("DELETE FROM schema_migrations WHERE version = 9999; UPDATE schema_migrations SET checksum = x'00'")
            .unwrap();
        assert!(matches!(run(&conn), Err(MigrateError::ChecksumDiffers { .. })));
        assert!(conn.is_autocommit(), "the lock must be gone");
    }

    #[test]
    fn two_processes_migrate_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let runs: Vec<_> = (0..4)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || run(&create_writer(&path, BUSY).unwrap()).unwrap())
            })
            .collect();
        let applied: usize = runs.into_iter().map(|r| r.join().unwrap().applied.len()).sum();
        assert_eq!(applied, SQLITE.len());
    }
}
