//! `authly migrate [--check]`

use authly_storage::MigrateError;

use super::{args::MigrateArgs, console::Console, failure::Failure, runtime, serve::start_failure};
use crate::{
    app::{self, World},
    config::Config,
};

/// Brings the database up to date, or says whether its schema is.
pub(super) fn run(console: &mut Console<'_>, config: &Config, args: &MigrateArgs) -> Result<(), Failure> {
    runtime()?.block_on(async {
        if args.check {
            check(console, config).await
        } else {
            migrate(console, config).await
        }
    })
}

async fn migrate(console: &mut Console<'_>, config: &Config) -> Result<(), Failure> {
    let report = authly_storage::migrate(&config.database).await.map_err(failure)?;
    for name in &report.applied {
        console.print(&format!("applied {name}\n"))?;
    }
    // Defines the scopes a new database begins with: clients may be registered before a server ever ran on it.
    app::open(config, &World::system()).await.map_err(start_failure)?;
    console.print(&format!("the schema is at version {}\n", report.schema_version))
}

/// Opening is the check: storage opens no database but one with exactly the schema it knows.
async fn check(console: &mut Console<'_>, config: &Config) -> Result<(), Failure> {
    app::check(config, &World::system())
        .await
        .map_err(start_failure)?;
    console.print("the schema is current\n")
}

/// What the operator is told.
pub(super) fn failure(error: MigrateError) -> Failure {
    match error {
        MigrateError::Storage(error) => Failure::storage("migrate the database", error),
        other => Failure::refused(other.to_string()),
    }
}
