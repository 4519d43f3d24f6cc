//! Opening connections, and what SQLite's errors mean.

use std::{path::Path, time::Duration};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, ffi};

use super::checkpoint::LOG_PAGES_MAX;

/// Every statement of a connection stays prepared.
const STATEMENT_CACHE: usize = 128;

/// What the writer keeps at hand of the database, in KiB and negative as SQLite wants it: every page that is not must be
/// read again before it is changed.
const WRITER_CACHE: i64 = -16 * 1024;

/// The write-ahead log is cut back to this many bytes after a checkpoint.
const WAL_SIZE_MAX: i64 = 64 * 1024 * 1024;

/// How long to wait before a file is asked again to keep a write-ahead log.
const WAL_MODE_STEP: Duration = Duration::from_millis(5);

/// A connection that may write. `synchronous=FULL`: an answered write survives a power cut.
pub(super) fn open_writer(path: &Path, busy: Duration) -> StorageResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    configure_writer(Connection::open_with_flags(path, flags).map_err(failure)?, busy)
}

/// As [`open_writer`], and makes the file when there is none, readable by its owner only: SQLite gives the log files
/// beside it the same permissions.
pub(super) fn create_writer(path: &Path, busy: Duration) -> StorageResult<Connection> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|e| StorageError::Unavailable(Box::new(e)))?;
    open_writer(path, busy)
}

/// A database that lives and dies with its one connection.
pub(super) fn open_memory(busy: Duration) -> StorageResult<Connection> {
    configure_writer(Connection::open_in_memory().map_err(failure)?, busy)
}

/// A connection that reads beside the writer.
pub(super) fn open_reader(path: &Path, busy: Duration) -> StorageResult<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failure)?;
    configure(&conn, busy)?;
    conn.pragma_update(None, "query_only", true).map_err(failure)?;
    Ok(conn)
}

fn configure_writer(conn: Connection, busy: Duration) -> StorageResult<Connection> {
    configure(&conn, busy)?;
    enter_wal_mode(&conn, busy).map_err(failure)?;
    conn.pragma_update(None, "journal_size_limit", WAL_SIZE_MAX)
        .map_err(failure)?;
    conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)
        .map_err(failure)?;
    conn.pragma_update(None, "cache_size", WRITER_CACHE)
        .map_err(failure)?;
    Ok(conn)
}

/// Two processes that make the same file: SQLite refuses one of them at once, whatever it was told to wait.
#[expect(
    clippy::disallowed_methods,
    reason = "as SQLite itself waits for a lock, on the thread that opens the file"
)]
fn enter_wal_mode(conn: &Connection, busy: Duration) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && waited < busy => {
                std::thread::sleep(WAL_MODE_STEP);
                waited += WAL_MODE_STEP;
            }
            outcome => return outcome,
        }
    }
}

fn configure(conn: &Connection, busy: Duration) -> StorageResult<()> {
    conn.busy_timeout(busy).map_err(failure)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A statement keeps the plan it was prepared with. Else SQLite plans a join or a range anew whenever its parameters
    // change, for the sake of statistics that we do not keep, and that costs more than to run it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failure)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(failure)?;
    conn.pragma_update(None, "foreign_keys", true).map_err(failure)?;
    conn.pragma_update(None, "trusted_schema", false)
        .map_err(failure)?;
    Ok(())
}

/// What an error of SQLite means to the caller.
pub(super) fn failure(error: rusqlite::Error) -> StorageError {
    match &error {
        rusqlite::Error::SqliteFailure(code, message) => match code.code {
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed => StorageError::Unavailable(Box::new(error)),
            ErrorCode::ConstraintViolation if is_unique(code.extended_code) => {
                StorageError::Conflict(message.clone().unwrap_or_default())
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StorageError::Corrupt(error.to_string()),
            _ => StorageError::Backend(Box::new(error)),
        },
        rusqlite::Error::InvalidColumnType(_, column, _) => StorageError::Corrupt(column.clone()),
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::IntegralValueOutOfRange(..) => {
            StorageError::Corrupt(error.to_string())
        }
        _ => StorageError::Backend(Box::new(error)),
    }
}

fn is_unique(extended: i32) -> bool {
    [
        ffi::SQLITE_CONSTRAINT_UNIQUE,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
        ffi::SQLITE_CONSTRAINT_ROWID,
    ]
    .contains(&extended)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Duration = Duration::from_millis(1);

    #[test]
    fn errors_say_whether_the_database_was_there() {
        let missing = Path::new("/nonexistent/authly.db");
        assert!(matches!(
            open_writer(missing, BUSY),
            Err(StorageError::Unavailable(_))
        ));
        let conn = open_memory(BUSY).unwrap();
        conn.execute_batch(
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL) STRICT; INSERT INTO t VALUES (1, 1)",
        )
        .unwrap();
        let run = |sql: &str| conn.execute(sql, []).map_err(failure);
        assert!(matches!(
            run("INSERT INTO t VALUES (1, 2)"),
            Err(StorageError::Conflict(_))
        ));
        assert!(matches!(
            run("INSERT INTO t VALUES (2, NULL)"),
            Err(StorageError::Backend(_))
        ));
    }

    #[test]
    fn a_locked_database_is_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let first = create_writer(&path, BUSY).unwrap();
        first.execute_batch("BEGIN IMMEDIATE").unwrap();
        let second = open_writer(&path, BUSY).unwrap();
        let error = second.execute_batch("BEGIN IMMEDIATE").map_err(failure);
        assert!(matches!(error, Err(StorageError::Unavailable(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        drop(create_writer(&path, BUSY).unwrap());
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
