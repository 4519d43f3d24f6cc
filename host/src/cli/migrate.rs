//! `authly migrate [--check]`

use std::sync::Arc;

use authly_core::{StorageError, ports::BoxError};
use authly_storage::{MigrateError, Sealer};

use super::{args::MigrateArgs, console::Console, failure::Failure, runtime};
use crate::{app::SystemRng, config::Config, secrets};

/// Brings the schema up to date, or says whether it is.
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
    console.print(&format!("the schema is at version {}\n", report.schema_version))
}

/// Opening is the check: storage opens no database but one with exactly the schema it knows.
async fn check(console: &mut Console<'_>, config: &Config) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let key_failure = |error: BoxError| Failure::failed("cannot read the encryption key", error);
    let key =
        secrets::encryption_key(&config.encryption_key, rng.as_ref()).map_err(|e| key_failure(e.into()))?;
    let sealer = Sealer::new(&key, rng).map_err(|e| key_failure(e.into()))?;
    match authly_storage::open(&config.database, sealer).await {
        Ok(_) => console.print("the schema is current\n"),
        Err(StorageError::Backend(error)) => Err(match error.downcast::<MigrateError>() {
            Ok(error) => failure(*error),
            Err(error) => Failure::storage("open the database", StorageError::Backend(error)),
        }),
        Err(error) => Err(Failure::storage("open the database", error)),
    }
}

/// What the operator is told.
pub(super) fn failure(error: MigrateError) -> Failure {
    match error {
        MigrateError::Storage(error) => Failure::storage("migrate the database", error),
        other => Failure::refused(other.to_string()),
    }
}
