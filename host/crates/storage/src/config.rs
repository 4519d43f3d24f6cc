//! Which database, and how patient to be with it.

use std::{fmt, path::PathBuf, time::Duration};

use authly_core::StorageError;

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    pub url: String,
    /// PostgreSQL connections, or SQLite connections that read.
    pub pool_size: usize,
    /// How long a new connection may take.
    pub connect_timeout: Duration,
    /// How long a caller waits for a free connection, or for a place in SQLite's write queue.
    pub wait_timeout: Duration,
    /// How long one statement may take (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long to wait for a lock: PostgreSQL's `lock_timeout`, SQLite's busy timeout.
    pub lock_timeout: Duration,
}

impl DatabaseConfig {
    /// The defaults for a database URL: 8 connections, 5 s to connect, 2 s to wait, 10 s a statement, 5 s a lock.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool_size: 8,
            connect_timeout: Duration::from_secs(5),
            wait_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
        }
    }

    pub(crate) fn target(&self) -> Result<Target, StorageError> {
        if self.url.starts_with("postgres://") || self.url.starts_with("postgresql://") {
            return Ok(Target::Postgres);
        }
        match self.url.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Target::SqliteMemory),
            Some(path) if !path.is_empty() => Ok(Target::SqliteFile(PathBuf::from(path))),
            _ => Err(StorageError::Backend(Box::new(UnknownUrl))),
        }
    }
}

/// A URL may carry a password: only its scheme is shown.
impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("DatabaseConfig")
            .field("url", &format_args!("{scheme}:.."))
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}

/// A database URL, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    SqliteFile(PathBuf),
    SqliteMemory,
    Postgres,
}

#[derive(Debug, thiserror::Error)]
#[error("database.url must be sqlite:PATH, sqlite::memory: or postgres://…")]
struct UnknownUrl;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_the_backend() {
        let target = |url: &str| DatabaseConfig::new(url).target().ok();
        assert_eq!(target("sqlite:a/b.db"), Some(Target::SqliteFile("a/b.db".into())));
        assert_eq!(target("sqlite::memory:"), Some(Target::SqliteMemory));
        assert_eq!(target("postgres://u:p@h/d"), Some(Target::Postgres));
        assert_eq!(target("postgresql:///d"), Some(Target::Postgres));
        for bad in ["", "sqlite:", "mysql://h", "a.db"] {
            assert_eq!(target(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn url_is_not_shown_whole() {
        let shown = format!("{:?}", DatabaseConfig::new("postgres://u:hunter2@h/d"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
