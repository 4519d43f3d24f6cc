//! What an error of PostgreSQL, of its driver or of the pool means to the caller.

use std::{error::Error as _, io};

use authly_core::StorageError;
use deadpool_postgres::PoolError;
use tokio_postgres::{Error, error::SqlState};

/// What an error of the driver means to the caller.
pub(super) fn failure(error: Error) -> StorageError {
    let Some(server) = error.as_db_error() else {
        return if is_connection(&error) {
            StorageError::Unavailable(Box::new(error))
        } else {
            StorageError::Backend(Box::new(error))
        };
    };
    let code = server.code();
    if *code == SqlState::UNIQUE_VIOLATION {
        StorageError::Conflict(server.constraint().unwrap_or_default().to_owned())
    } else if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        StorageError::Serialization(Box::new(error))
    } else if is_outage(code) {
        StorageError::Unavailable(Box::new(error))
    } else {
        StorageError::Backend(Box::new(error))
    }
}

/// What an error of the pool means to the caller. A full pool is an overload, not a "no".
pub(super) fn pool_failure(error: PoolError) -> StorageError {
    match error {
        PoolError::Backend(inner) => failure(inner),
        PoolError::Timeout(_) => StorageError::Unavailable(Box::new(error)),
        other => StorageError::Backend(Box::new(other)),
    }
}

/// Whether the connection is gone, or was never there: another one may do better.
pub(super) fn lost_connection(error: &Error) -> bool {
    error.as_db_error().map_or_else(
        || is_connection(error),
        |server| is_shutdown(server.code()) || has_class(server.code(), "08"),
    )
}

/// Whether a statement was given up, and undone, because somebody else kept a row locked for longer than `lock_timeout`.
pub(super) fn was_kept_waiting(error: &StorageError) -> bool {
    let StorageError::Unavailable(source) = error else {
        return false;
    };
    let server = source.downcast_ref::<Error>().and_then(Error::as_db_error);
    server.is_some_and(|server| *server.code() == SqlState::LOCK_NOT_AVAILABLE)
}

/// The driver's errors that come from the network. It keeps its error kinds private; its sources and texts are not.
fn is_connection(error: &Error) -> bool {
    let by_io = error
        .source()
        .is_some_and(<dyn std::error::Error>::is::<io::Error>);
    by_io || error.is_closed() || error.to_string().starts_with("timeout waiting for server")
}

/// The server is there and sound but cannot do it now.
fn is_outage(code: &SqlState) -> bool {
    // 08 connection exceptions, 53 insufficient resources (too many connections, disk full).
    is_shutdown(code)
        || has_class(code, "08")
        || has_class(code, "53")
        // Our own `statement_timeout` and `lock_timeout`.
        || *code == SqlState::QUERY_CANCELED
        || *code == SqlState::LOCK_NOT_AVAILABLE
        // During a fail-over: still, or again, a standby.
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
}

/// 57P01 to 57P05: stopping, crashed, starting, database dropped, idle for too long.
fn is_shutdown(code: &SqlState) -> bool {
    has_class(code, "57P")
}

fn has_class(code: &SqlState, class: &str) -> bool {
    code.code().starts_with(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_told_from_failures() {
        for code in [
            "08006", "53300", "53100", "57P01", "57P03", "57014", "55P03", "25006", "25P03",
        ] {
            assert!(is_outage(&SqlState::from_code(code)), "{code}");
        }
        for code in [
            "23505", "23503", "42601", "42P01", "28P01", "3D000", "40001", "22P05",
        ] {
            assert!(!is_outage(&SqlState::from_code(code)), "{code}");
        }
    }

    #[test]
    fn an_address_where_nobody_listens_is_an_outage() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let error = runtime
            .block_on(tokio_postgres::connect(
                "host=/nonexistent user=x",
                tokio_postgres::NoTls,
            ))
            .map(drop)
            .unwrap_err();
        assert!(lost_connection(&error), "{error:?}");
        assert!(matches!(failure(error), StorageError::Unavailable(_)));
    }
}
