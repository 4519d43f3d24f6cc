//! What the removal of expired rows does to those who ask meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    GROUP,
    copy::EXPIRED,
    database::Database,
    loads::form,
    rows::{measured, row},
};
use crate::{
    load::{Measured, Work},
    plan::Plan,
    report::{Fact, Report},
    setup::{Backend, Stage, text},
};

/// Families that expire at once: each is a grant and two refresh tokens.
const FAMILIES: u64 = 66_667;

/// So many are made in one transaction, for the server writes meanwhile.
const AT_ONCE: u64 = 2000;

/// Their numbers begin here, far behind every other.
const FIRST: u64 = 1_000_000_000;

/// How many of the families are left.
const LEFT: &str = "SELECT count(*) FROM grants WHERE expires_at < 2000000000";

/// By when the job must have begun, and by when everything must be gone.
const PATIENCE: Duration = Duration::from_mins(10);

/// What its rows and figures are called, up to their database.
pub fn name(backend: Backend) -> String {
    format!("data.purge.{backend}")
}

/// What is asked: the same without a purge and beside one.
async fn works(stage: &Stage, callers: usize) -> Result<[(&'static str, Work); 2]> {
    let mut tokens = Vec::new();
    for nth in 0..callers {
        tokens.push(text(&stage.tokens(nth).await?, "refresh_token")?.to_owned());
    }
    let token = |body| form(Some(stage), "/api/v1/oauth/token", body);
    Ok([
        (
            "client_credentials",
            Work::Same(token("grant_type=client_credentials&scope=read")),
        ),
        (
            "refresh",
            Work::Refresh {
                request: token("grant_type=refresh_token&refresh_token="),
                tokens,
            },
        ),
    ])
}

/// Measures both loads in quiet and beside a purge, and how long the purge takes when nobody asks for anything else.
///
/// # Errors
/// When a load does not run, or the purge does not begin or end.
pub async fn measure(
    plan: &Plan,
    report: &mut Report,
    backend: Backend,
    (stage, database): (&Stage, &Database),
) -> Result<()> {
    let mut quiet = Vec::new();
    for (job, work) in works(stage, plan.callers()).await? {
        quiet.push((job, measured(plan, stage, work).await?));
    }
    for ((job, work), (_, quiet)) in works(stage, plan.callers()).await?.into_iter().zip(quiet) {
        expire(database).await?;
        until(database, |left| left < FAMILIES).await?;
        let purging = measured(plan, stage, work).await?;
        let left = families(database).await?;
        add(report, (backend, job), plan.callers(), (&quiet, &purging), left)?;
    }
    let (before, began) = (families(database).await?, Instant::now());
    until(database, |left| left == 0).await?;
    let rate = 3.0 * f64::from(u32::try_from(before)?) / began.elapsed().as_secs_f64();
    report.add_fact(
        Fact::new(GROUP, format!("{}, rate", name(backend)), rate, "rows/s")
            .noting("when nothing else is asked"),
    );
    Ok(())
}

fn add(
    report: &mut Report,
    (backend, job): (Backend, &str),
    callers: usize,
    (quiet, purging): (&Measured, &Measured),
    left: u64,
) -> Result<()> {
    let name = name(backend);
    report.add_row(row(format!("{name}.{job}.quiet"), callers, quiet)?);
    let mut beside = row(format!("{name}.{job}.purging"), callers, purging)?;
    if left == 0 {
        beside.note = Some("the purge ended before the load did".to_owned());
    }
    report.add_row(beside);
    let ratio = purging.p99.as_secs_f64() / quiet.p99.as_secs_f64();
    report.add_fact(
        Fact::new(GROUP, format!("{name}.{job}, p99 beside a purge"), ratio, "x").noting(format!(
            "{} rows had expired, {} were left",
            3 * FAMILIES,
            3 * left
        )),
    );
    Ok(())
}

/// Makes the families that expired long ago, but for those that are still there from before.
async fn expire(database: &Database) -> Result<()> {
    until(database, |left| left == 0).await?;
    for first in (FIRST..FIRST + FAMILIES).step_by(usize::try_from(AT_ONCE)?) {
        let last = (first + AT_ONCE).min(FIRST + FAMILIES) - 1;
        database.make_keys(first..=last, 0).await?;
        database.copy(&EXPIRED).await?;
    }
    Ok(())
}

async fn families(database: &Database) -> Result<u64> {
    Ok(u64::try_from(database.number(LEFT).await?)?)
}

async fn until(database: &Database, reached: impl Fn(u64) -> bool) -> Result<()> {
    let began = Instant::now();
    while !reached(families(database).await?) {
        ensure!(began.elapsed() < PATIENCE, "the purge does not get on");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
