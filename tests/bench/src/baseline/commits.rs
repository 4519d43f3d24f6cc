//! How many commits the rotations of a load were: beside pgbench, which makes one for each.

use anyhow::{Context as _, Result};
use tokio_postgres::{Client, NoTls};

use super::REFRESH_ON_POSTGRES;
use crate::{
    load::Measured,
    report::{Fact, Report},
    setup::Stage,
};

/// Transactions that wrote so far, and rotations. `pg_stat_database` counts reads too, and seconds late.
const SO_FAR: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, \
    (SELECT count(*) FROM refresh_tokens WHERE consumed_at IS NOT NULL)";

/// Runs a load of rotations on PostgreSQL, and adds how many commits each of them was.
///
/// # Errors
/// When the database does not answer, or what the load says.
pub async fn counting(
    report: &mut Report,
    stage: &Stage,
    load: impl Future<Output = Result<Measured>>,
) -> Result<Measured> {
    let database = stage.database.as_ref().context("a PostgreSQL database")?;
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
    let driver = tokio::spawn(connection);
    let (commits_before, rotations_before) = so_far(&client).await?;
    let measured = load.await?;
    let (commits, rotations) = so_far(&client).await?;
    drop(client);
    driver.await??;
    let name = format!("commits per rotation of {REFRESH_ON_POSTGRES}");
    let value = (commits - commits_before) / (rotations - rotations_before);
    report.add_fact(Fact::new("refresh", name, value, "x").noting("pgbench: 1"));
    Ok(measured)
}

async fn so_far(client: &Client) -> Result<(f64, f64)> {
    let row = client.query_one(SO_FAR, &[]).await?;
    let count = |at: usize| -> Result<f64> { Ok(f64::from(u32::try_from(row.try_get::<_, i64>(at)?)?)) };
    Ok((count(0)?, count(1)?))
}
