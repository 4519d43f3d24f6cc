//! The migration runner: numbered files per dialect, embedded in the binary, applied in order under a lock.
//!
//! What is shared by both databases is here: the files, their checksums, and the decision what is to be applied. Each
//! backend brings an executor that takes its lock (SQLite: `BEGIN EXCLUSIVE`; PostgreSQL: an advisory lock), reads
//! what was applied, asks [`plan`], and applies each file in a transaction together with its row in
//! `schema_migrations`. Changes follow expand and contract: a release must run on the schema of the next one's
//! expansion, but a binary refuses a schema that is newer than every file it knows.

use std::path::PathBuf;

use authly_core::StorageError;
use aws_lc_rs::digest;

/// One embedded file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub version: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the file: a file that changed after it was applied is refused.
    pub(crate) fn checksum(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.sql.as_bytes())
            .as_ref()
            .to_vec()
    }
}

macro_rules! migrations {
    ($dialect:literal, $($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../../migrations/", $name, ".", $dialect, ".sql")),
        }),+]
    };
}

/// Every migration for SQLite, in order.
pub(crate) const SQLITE: &[Migration] =
    migrations!("sqlite", 1 "0001_core", 2 "0002_query_plans", 3 "0003_hot_checks");

/// Every migration for PostgreSQL, in order.
pub(crate) const POSTGRES: &[Migration] =
    migrations!("postgres", 1 "0001_core", 2 "0002_query_plans", 3 "0003_hot_checks");

/// A row of `schema_migrations`.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub version: i64,
    pub checksum: Vec<u8>,
}

/// What a run of the migrations did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations applied by this run, in order; empty when the schema was current.
    pub applied: Vec<String>,
    /// The version the schema is at now.
    pub schema_version: i64,
}

/// Why the schema cannot be used or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database has been migrated by a newer release.
    #[error("the database schema is at version {found}, this release knows {known}: use a newer release")]
    Newer {
        /// What the database says.
        found: i64,
        /// The newest this binary knows.
        known: i64,
    },
    /// There is no database file. Nothing but a migration makes one, so that a mistyped path is noticed.
    #[error("there is no database at {}: check database.url, or run `authly migrate` to make one", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The database lacks migrations.
    #[error("the database schema is at version {found}, this release needs {needed}: run `authly migrate`")]
    Behind {
        /// What the database says.
        found: i64,
        /// What this binary needs.
        needed: i64,
    },
    /// An applied file is not the one in this binary.
    #[error("migration {name} was applied with another content than this release holds")]
    ChecksumDiffers {
        /// Which.
        name: &'static str,
    },
    /// A migration is missing below one that was applied.
    #[error("migration {name} is missing although a later one was applied")]
    Gap {
        /// Which.
        name: &'static str,
    },
    /// The database failed.
    #[error("the migration did not run")]
    Storage(#[source] StorageError),
}

impl From<StorageError> for MigrateError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<MigrateError> for StorageError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Storage(inner) => inner,
            other => Self::Backend(Box::new(other)),
        }
    }
}

/// The migrations still to apply, in order.
///
/// # Errors
/// When the schema is newer than `known`, has a gap, or was made by other files.
pub(crate) fn plan(
    known: &'static [Migration],
    applied: &[Applied],
) -> Result<&'static [Migration], MigrateError> {
    let newest = known.last().map_or(0, |m| m.version);
    let found = applied.iter().map(|a| a.version).max().unwrap_or(0);
    if found > newest {
        return Err(MigrateError::Newer { found, known: newest });
    }
    let split = known.partition_point(|m| m.version <= found);
    let (done, pending) = known.split_at_checked(split).unwrap_or((known, &[]));
    for migration in done {
        match applied.iter().find(|a| a.version == migration.version) {
            None => return Err(MigrateError::Gap { name: migration.name }),
            Some(row) if row.checksum != migration.checksum() => {
                return Err(MigrateError::ChecksumDiffers { name: migration.name });
            }
            Some(_) => {}
        }
    }
    Ok(pending)
}

/// Whether a server may run on this schema: exactly the one this binary knows.
///
/// # Errors
/// As [`plan`], and [`MigrateError::Behind`].
pub(crate) fn check_current(known: &'static [Migration], applied: &[Applied]) -> Result<(), MigrateError> {
    if plan(known, applied)?.is_empty() {
        return Ok(());
    }
    Err(MigrateError::Behind {
        found: applied.iter().map(|a| a.version).max().unwrap_or(0),
        needed: known.last().map_or(0, |m| m.version),
    })
}

/// The report of a run that applied `pending`.
pub(crate) fn report(known: &'static [Migration], pending: &[Migration]) -> MigrationReport {
    MigrationReport {
        applied: pending.iter().map(|m| m.name.to_owned()).collect(),
        schema_version: known.last().map_or(0, |m| m.version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Migration] = &[
        Migration {
            version: 1,
            name: "one",
            sql: "a",
        },
        Migration {
            version: 2,
            name: "two",
            sql: "b",
        },
    ];

    fn applied(migration: &Migration) -> Applied {
        Applied {
            version: migration.version,
            checksum: migration.checksum(),
        }
    }

    #[test]
    fn plan_applies_what_is_missing_in_order() {
        let names = |rows: &[Applied]| {
            plan(KNOWN, rows)
                .unwrap()
                .iter()
                .map(|m| m.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["one", "two"]);
        assert_eq!(names(&[applied(&KNOWN[0])]), ["two"]);
        assert!(names(&[applied(&KNOWN[0]), applied(&KNOWN[1])]).is_empty());
    }

    #[test]
    fn plan_refuses_a_newer_a_changed_and_a_gappy_schema() {
        let newer = Applied {
            version: 3,
            checksum: vec![],
        };
        assert!(matches!(
            plan(KNOWN, &[newer]),
            Err(MigrateError::Newer { found: 3, known: 2 })
        ));
        let changed = Applied {
            version: 1,
            checksum: vec![0; 32],
        };
        assert!(matches!(
            plan(KNOWN, &[changed]),
            Err(MigrateError::ChecksumDiffers { name: "one" })
        ));
        assert!(matches!(
            plan(KNOWN, &[applied(&KNOWN[1])]),
            Err(MigrateError::Gap { name: "one" })
        ));
    }

    #[test]
    fn server_needs_the_schema_it_knows() {
        assert!(matches!(
            check_current(KNOWN, &[]),
            Err(MigrateError::Behind { found: 0, needed: 2 })
        ));
        assert!(check_current(KNOWN, &[applied(&KNOWN[0]), applied(&KNOWN[1])]).is_ok());
    }

    #[test]
    fn dialects_have_the_same_versions_and_names() {
        let list = |m: &[Migration]| m.iter().map(|m| (m.version, m.name)).collect::<Vec<_>>();
        assert_eq!(list(SQLITE), list(POSTGRES));
        assert!(SQLITE.is_sorted_by_key(|m| m.version));
    }
}
