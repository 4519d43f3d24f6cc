//! The rows of load: what is asked, on which database, beside how many plugins, by how many.

mod derived;
mod jobs;
mod limits;
mod select;
mod tokens;

pub use jobs::{login, own_token};

use std::panic::AssertUnwindSafe;

use anyhow::{Context as _, Result, anyhow};
use authly_testkit::postgres::PostgresServer;
use futures_util::FutureExt as _;

use self::{limits::Limits, select::Selected};
use crate::{
    baseline,
    load::{self, Measured},
    plan::Plan,
    report::{Report, Row},
    setup::{Backend, Stage},
};

/// Measures what the plan wants. A server serves the rows of one database and one number of plugins, alone.
pub async fn run(plan: &Plan, report: &mut Report) {
    let mut limits = Limits::default();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let stages = select::stages(plan, backend);
        if stages.is_empty() {
            continue;
        }
        let postgres = match start(backend).await {
            Ok(postgres) => postgres,
            Err(error) => {
                report.fail(format!("every row on {backend}"), &error);
                continue;
            }
        };
        for (plugins, rows) in stages {
            let measured = measure_stage(plan, report, &mut limits, postgres.as_ref(), (plugins, &rows));
            if let Err(error) = unpanicked(measured).await {
                report.fail(format!("rows with {plugins} plugins on {backend}"), &error);
            }
        }
    }
    derived::add(report);
}

async fn start(backend: Backend) -> Result<Option<PostgresServer>> {
    Ok(match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(PostgresServer::start_durable().await?),
    })
}

async fn measure_stage(
    plan: &Plan,
    report: &mut Report,
    limits: &mut Limits,
    postgres: Option<&PostgresServer>,
    (plugins, rows): (usize, &[Selected]),
) -> Result<()> {
    eprintln!(
        "starting a server on {} with {plugins} plugins",
        if postgres.is_some() {
            "PostgreSQL"
        } else {
            "SQLite"
        }
    );
    let stage = unpanicked(Stage::open(plan, postgres, plugins)).await?;
    for row in rows {
        match unpanicked(Box::pin(measure(plan, report, &stage, row, limits))).await {
            Ok(measured) => report.add_row(measured),
            Err(error) => report.fail(row.name(), &error),
        }
        if row.name() == baseline::REFRESH_ON_POSTGRES {
            unpanicked(baseline::pgbench(plan, report, &stage)).await?;
        }
    }
    if rows.iter().any(|row| row.name() == baseline::REFRESH_ON_SQLITE) {
        unpanicked(baseline::sqlite_loop(plan, report, stage)).await?;
    }
    Ok(())
}

/// Jobs whose every request writes rows.
const WRITERS: [&str; 2] = ["code_flow", "refresh"];
/// How long they write before they are measured.
const SETTLING_SECONDS: u64 = 3;

/// Fills PostgreSQL's tables with rows of the job's own and has them counted, as its autovacuum does within a minute. Before
/// that it joins by whatever index it finds first, and not every row is of that first minute.
async fn settle(plan: &Plan, stage: &Stage, row: &Selected, callers: usize) -> Result<()> {
    let Some(database) = &stage.database else {
        return Ok(());
    };
    let plan = Plan {
        seconds: SETTLING_SECONDS,
        ..plan.clone()
    };
    let prepared = (row.job.prepare)(stage, &plan, callers).await?;
    load::run(&stage.order(&plan, callers, prepared.work)?).await?;
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    client.batch_execute("ANALYZE").await?;
    drop(client);
    Ok(driver.await??)
}

async fn measure(
    plan: &Plan,
    report: &mut Report,
    stage: &Stage,
    row: &Selected,
    limits: &mut Limits,
) -> Result<Row> {
    let callers = row.callers(plan);
    if WRITERS.contains(&row.job.name) {
        settle(plan, stage, row, callers).await?;
    }
    let prepared = (row.job.prepare)(stage, plan, callers).await?;
    let limit = match &prepared.limit {
        Some(limit) => Some(limits.measured(plan, callers, limit).await?),
        None => None,
    };
    let order = stage.order(plan, callers, prepared.work)?;
    let measured = if row.name() == baseline::REFRESH_ON_POSTGRES {
        baseline::counting(report, stage, load::run(&order)).await?
    } else {
        load::run(&order).await?
    };
    anyhow::ensure!(
        measured.answers > 0,
        "no answer came: {}",
        measured.first_error.unwrap_or_default()
    );
    let server = measured.server_cpu.context("the server's processor time")?;
    let postgres = measured.postgres_cpu;
    let row = Row {
        name: row.name(),
        others_percent: measured.others_percent(cores()?),
        group: row.job.name.to_owned(),
        callers,
        requests: measured.answers,
        errors: measured.errors,
        per_second: measured.per_second(),
        p50_ms: 1e3 * measured.p50.as_secs_f64(),
        p95_ms: 1e3 * measured.p95.as_secs_f64(),
        p99_ms: 1e3 * measured.p99.as_secs_f64(),
        cpu_ms: measured.ms_per_answer(server + postgres.unwrap_or_default()),
        cpu_postgres_ms: postgres.map(|time| measured.ms_per_answer(time)),
        cpu_generator_ms: measured.ms_per_answer(measured.generator_cpu),
        note: joined(prepared.note, measured.note()),
        first_error: measured.first_error,
        ..Row::default()
    };
    Ok(match limit {
        Some(limit) => beside(row, &limit, cores()?),
        None => row,
    })
}

fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    let notes: Vec<_> = first.into_iter().chain(second).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn cores() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get())
}

fn beside(row: Row, limit: &Measured, cores: usize) -> Row {
    let per_second = limit.per_second();
    Row {
        limit_per_second: Some(per_second),
        limit_cpu_ms: limit.server_cpu.map(|time| limit.ms_per_answer(time)),
        limit_others_percent: limit.others_percent(cores),
        of_limit_percent: Some(100.0 * row.per_second / per_second),
        ..row
    }
}

/// The test kit panics where a test cannot go on; here that is the end of one row.
pub async fn unpanicked<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let told = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(anyhow!("{}", told.unwrap_or("it panicked")))
        })
}
