//! A load on both databases, in turns.

use anyhow::{Context as _, Result, ensure};

use super::{
    GROUP,
    loads::{Load, Template},
    size::Size,
};
use crate::{
    load::{self, Measured, Work},
    plan::Plan,
    report::{Fact, Report, Row},
    setup::{Backend, Stage},
};

/// How often each is measured: the better time counts, for what slows it down is not the database's size.
const ROUNDS: u64 = 2;

/// The two servers, and on each the client that most clients are copies of.
pub struct Pair<'a> {
    /// Nearly empty.
    pub empty: (&'a Stage, Template),
    /// Filled.
    pub full: (&'a Stage, Template),
}

impl Pair<'_> {
    fn backend(&self) -> Backend {
        match self.full.0.database {
            None => Backend::Sqlite,
            Some(_) => Backend::Postgres,
        }
    }
}

/// Measures `load` on both and adds a row for each, and the ratio of their medians.
///
/// # Errors
/// When a load does not run, or nothing is answered.
pub async fn measure(
    plan: &Plan,
    report: &mut Report,
    pair: &Pair<'_>,
    size: &Size,
    load: Load,
) -> Result<()> {
    let backend = pair.backend();
    let (mut on_empty, mut on_full) = (None, None);
    for round in 0..ROUNDS {
        let (stage, template) = &pair.empty;
        let work = load.on_empty(stage, template, plan.callers()).await?;
        better(&mut on_empty, measured(plan, stage, work).await?);
        let (stage, template) = &pair.full;
        let work = load
            .on_full((stage, template), plan.callers(), (size, round))
            .await?;
        better(&mut on_full, measured(plan, stage, work).await?);
    }
    let (empty, full) = (on_empty.context("a round")?, on_full.context("a round")?);
    let name = |data: &str| format!("data.{}.{data}.{backend}", load.name());
    report.add_row(row(name("empty"), plan.callers(), &empty)?);
    report.add_row(row(name("full"), plan.callers(), &full)?);
    let ratio = full.p50.as_secs_f64() / empty.p50.as_secs_f64();
    report.add_fact(
        Fact::new(
            GROUP,
            format!("data.{}.{backend}, p50 of full to empty", load.name()),
            ratio,
            "x",
        )
        .noting(size.to_string()),
    );
    Ok(())
}

fn better(best: &mut Option<Measured>, next: Measured) {
    if best.as_ref().is_none_or(|best| next.p50 < best.p50) {
        *best = Some(next);
    }
}

/// Has `work` done as the plan says.
///
/// # Errors
/// When nothing is answered.
pub async fn measured(plan: &Plan, stage: &Stage, work: Work) -> Result<Measured> {
    let measured = load::run(&stage.order(plan, plan.callers(), work)?).await?;
    ensure!(
        measured.answers > 0,
        "no answer came: {}",
        measured.first_error.unwrap_or_default()
    );
    Ok(measured)
}

/// A row of these.
///
/// # Errors
/// When the server's processor time is not known.
pub fn row(name: String, callers: usize, measured: &Measured) -> Result<Row> {
    let server = measured.server_cpu.context("the server's processor time")?;
    let postgres = measured.postgres_cpu;
    Ok(Row {
        name,
        group: GROUP.to_owned(),
        callers,
        requests: measured.answers,
        errors: measured.errors,
        first_error: measured.first_error.clone(),
        per_second: measured.per_second(),
        p50_ms: 1e3 * measured.p50.as_secs_f64(),
        p95_ms: 1e3 * measured.p95.as_secs_f64(),
        p99_ms: 1e3 * measured.p99.as_secs_f64(),
        cpu_ms: measured.ms_per_answer(server + postgres.unwrap_or_default()),
        cpu_postgres_ms: postgres.map(|time| measured.ms_per_answer(time)),
        cpu_generator_ms: measured.ms_per_answer(measured.generator_cpu),
        note: measured.note(),
        ..Row::default()
    })
}
