//! What stands beside a row that the database decides: the same commits without a server.

mod commits;
pub mod install;
mod pgbench;
mod sqlite;

pub use commits::counting;

use anyhow::{Context as _, Result};

use crate::{
    plan::Plan,
    report::{Fact, Report},
    setup::Stage,
};

/// The row beside which pgbench stands.
pub const REFRESH_ON_POSTGRES: &str = "refresh.postgres";

/// The row beside which a bare SQLite loop stands.
pub const REFRESH_ON_SQLITE: &str = "refresh.sqlite";

/// Has pgbench make the commits of rotations in the stage's database, where its server now has nothing to do.
pub async fn pgbench(plan: &Plan, report: &mut Report, stage: &Stage) -> Result<()> {
    let name = format!("{REFRESH_ON_POSTGRES} of pgbench");
    let Some(program) = install::program("pgbench") else {
        report.skip(name, "pgbench is not installed; run: .ci/deps bench");
        return Ok(());
    };
    let database = stage.database.as_ref().context("a PostgreSQL database")?;
    match pgbench::rotations_per_second(plan, &program, database).await {
        Ok(bare) => add(report, REFRESH_ON_POSTGRES, "pgbench", name, bare),
        Err(error) => report.fail(name, &error),
    }
    Ok(())
}

/// Rotates in the stage's SQLite file with nothing but SQLite, after its server was stopped.
pub async fn sqlite_loop(plan: &Plan, report: &mut Report, mut stage: Stage) -> Result<()> {
    let name = format!("{REFRESH_ON_SQLITE} of a bare SQLite loop");
    let (measured, callers) = (plan.measured(), plan.callers());
    let bare = tokio::task::spawn_blocking(move || {
        stage.server.terminate();
        sqlite::rotations_per_second(&stage.sqlite_file(), callers, measured)
    });
    match bare.await? {
        Ok(bare) => add(report, REFRESH_ON_SQLITE, "a bare SQLite loop", name, bare),
        Err(error) => report.fail(name, &error),
    }
    Ok(())
}

fn add(report: &mut Report, row: &str, who: &str, name: String, bare: f64) {
    let served = report.row(row).map(|row| row.per_second);
    report.add_fact(Fact::new("refresh", format!("rotations of {who}"), bare, "1/s"));
    // The row itself may have failed.
    if let Some(served) = served {
        report.add_fact(Fact::new("refresh", name, 100.0 * served / bare, "%"));
    }
}
