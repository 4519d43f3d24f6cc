//! Authly's storage: every port of `authly_core::ports` on SQLite and on PostgreSQL, and the one place that knows SQL.
//!
//! What both backends share lives here: sealing ([`Sealer`]), the migration runner ([`migrate`]), how rows become
//! domain types (`rows`, `codec`), and the rules by which a backend names an outcome after the database has decided it
//! (`rules`). [`cache`] puts a bounded, invalidated cache before either.

mod codec;
mod config;
mod migrate;
pub mod postgres;
mod rows;
mod rules;
mod seal;

pub use config::DatabaseConfig;
pub use migrate::{MigrateError, MigrationReport};
pub use seal::{SealKeyError, Sealer};
