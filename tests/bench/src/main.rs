//! `make bench`: the release binary in one process, the load in another, and beside each row the limit server of the
//! same run, so that a figure says something on any machine.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what it is for"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures real time on a real machine"
)]

mod baseline;
mod data;
mod machine;
mod plan;
mod report;
mod scenarios;
mod targets;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use machine::Machine;
use plan::Plan;
use report::Report;

/// Where the run is written to; `make` runs from the root of the repository.
const JSON: &str = "target/bench.json";

#[derive(Parser)]
#[command(about = "Measures the authly binary that lies beside this one")]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let plan = Arguments::parse().plan;
    let mut report = Report::new(Machine::look()?, plan.clone());
    scenarios::run(&plan, &mut report).await;
    data::run(&plan, &mut report).await;
    println!("{}", report.table());
    report.write(Path::new(JSON))?;
    Ok(if report.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
