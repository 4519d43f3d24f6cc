//! What a sign-in looks up before it hashes: a person by their name. Beside twenty milliseconds of Argon2id it could
//! be a hundred times slower and no row of sign-ins would show it, so it is measured alone, in this process.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use authly_core::{SecretBytes, TenantId, ports::TenantStorage, user::normalize_username};
use authly_storage::{DatabaseConfig, Sealer};
use authly_testkit::random::SeededRng;

use super::{GROUP, size::Size};
use crate::{
    report::{Fact, Report},
    setup::{Backend, Stage},
};

/// How many are looked up.
const LOOKUPS: u64 = 20_000;

/// What its figures are called, up to their database.
pub fn name(backend: Backend) -> String {
    format!("data.login_lookup.{backend}")
}

/// Measures it on both databases.
///
/// # Errors
/// When storage fails or somebody is not there.
pub async fn measure(
    report: &mut Report,
    backend: Backend,
    (empty, full): (&Stage, &Stage),
    size: &Size,
) -> Result<()> {
    let on_empty = (0..LOOKUPS).map(|_| "person-0".to_owned());
    let on_empty = median_micros(empty, on_empty).await?;
    let on_full = Size::scattered(size.users, LOOKUPS).map(|n| format!("somebody-{n}"));
    let on_full = median_micros(full, on_full).await?;
    let name = name(backend);
    report.add_fact(Fact::new(GROUP, format!("{name}.empty, p50"), on_empty, "µs"));
    report.add_fact(Fact::new(GROUP, format!("{name}.full, p50"), on_full, "µs").noting(size.to_string()));
    let ratio = on_full / on_empty;
    report.add_fact(Fact::new(
        GROUP,
        format!("{name}, p50 of full to empty"),
        ratio,
        "x",
    ));
    Ok(())
}

async fn median_micros(stage: &Stage, names: impl Iterator<Item = String>) -> Result<f64> {
    let tenant = open(stage).await?;
    let mut times = Vec::new();
    for name in names {
        let began = Instant::now();
        let found = tenant.load_login(&normalize_username(&name)).await?;
        times.push(began.elapsed());
        ensure!(found.is_some(), "{name} is not there");
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("nobody was looked up")?;
    Ok(1e6 * median.as_secs_f64())
}

async fn open(stage: &Stage) -> Result<Arc<dyn TenantStorage>> {
    let url = match &stage.database {
        Some(database) => database.url().to_owned(),
        None => format!("sqlite:{}", stage.sqlite_file().display()),
    };
    // Of what is sealed nothing is read.
    let sealer = Sealer::new(&SecretBytes::new(vec![0; 32]), Arc::new(SeededRng::new(1)))?;
    let storage = authly_storage::open(&DatabaseConfig::new(url), sealer).await?;
    Ok(storage.tenant(&TenantId::default_tenant()))
}
