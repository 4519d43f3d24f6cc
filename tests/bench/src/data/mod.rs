//! The same look-ups in a nearly empty database and in one of a million people, and what the removal of expired rows
//! does to everybody else.
//!
//! Both servers run at the same time and are measured in turns, so that what else the machine does meets both.

mod copy;
mod database;
mod fill;
mod loads;
mod lookup;
mod purge;
mod rows;
mod size;

use anyhow::Result;
use authly_testkit::postgres::PostgresServer;

use self::{fill::fill, loads::Load, rows::Pair, size::Size};
use crate::{
    plan::Plan,
    report::{Fact, Report},
    setup::{Backend, Stage},
};

/// What every row and figure of these belongs to.
const GROUP: &str = "data size";

/// Measures what the plan wants, each by its name.
pub async fn run(plan: &Plan, report: &mut Report) {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let wanted = loads::NAMES
            .iter()
            .map(|job| format!("data.{job}.{backend}"))
            .chain([lookup::name(backend)])
            .any(|name| plan.wants(&name));
        let purged = plan.wants(&purge::name(backend));
        if !wanted && !purged {
            continue;
        }
        if let Err(error) = measure(plan, report, backend, (wanted, purged)).await {
            report.fail(format!("data size on {backend}"), &error);
        }
    }
}

async fn measure(
    plan: &Plan,
    report: &mut Report,
    backend: Backend,
    (wanted, purged): (bool, bool),
) -> Result<()> {
    let postgres = match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(PostgresServer::start_durable().await?),
    };
    let size = Size::asked_for()?;
    let mut full = Stage::open(plan, postgres.as_ref(), 0).await?;
    let template = loads::Template::register(&full)?;
    let filled = fill(&mut full, &size).await?;
    report.add_fact(
        Fact::new(
            GROUP,
            format!("data.fill.{backend}"),
            filled.lasted.as_secs_f64(),
            "s",
        )
        .noting(format!("{size}: {} rows", filled.rows)),
    );
    if wanted {
        let empty = Stage::open(plan, postgres.as_ref(), 0).await?;
        let pair = Pair {
            empty: (&empty, loads::Template::register(&empty)?),
            full: (&full, template.clone()),
        };
        for load in Load::ALL {
            let name = format!("data.{}.{backend}", load.name());
            if plan.wants(&name) {
                rows::measure(plan, report, &pair, &size, load).await?;
            }
        }
        if plan.wants(&lookup::name(backend)) {
            lookup::measure(report, backend, (&empty, &full), &size).await?;
        }
    }
    if purged {
        purge::measure(plan, report, backend, (&full, &filled.database)).await?;
    }
    Ok(())
}
