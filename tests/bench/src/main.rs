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
mod cpu;
mod data;
mod limit;
mod load;
mod machine;
mod plan;
mod report;
mod rows;
mod scenarios;
mod setup;
mod targets;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use machine::Machine;
use plan::Plan;
use report::Report;
use tokio::signal::unix::{SignalKind, signal};

/// Where the run is written to; `make` runs from the root of the repository.
const JSON: &str = "target/bench.json";

#[derive(Parser)]
#[command(
    about = "Measures the authly binary that lies beside this one",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What it starts itself as, beside the server.
#[derive(Subcommand)]
enum Part {
    /// The load generator: an order on standard input, what came of it on standard output.
    #[command(name = load::COMMAND)]
    Load,
    /// The limit server: an order on the first line of standard input, its address on standard output.
    #[command(name = limit::COMMAND)]
    LimitServer,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Load) => load::serve().await?,
        Some(Part::LimitServer) => limit::serve().await?,
        None => return measure(arguments.plan).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(plan: Plan) -> Result<ExitCode> {
    let mut report = Report::new(Machine::look()?, plan.clone());
    let all = async {
        rows::run(&plan, &mut report).await;
        scenarios::run(&plan, &mut report).await;
        data::run(&plan, &mut report).await;
    };
    // What was started is ended with `all`, and what was found is told.
    let interrupted = tokio::select! {
        () = all => false,
        Ok(()) = asked_to_end() => true,
    };
    if interrupted {
        report.skip("the rest", "the run was interrupted");
    }
    println!("{}", report.table());
    report.write(Path::new(JSON))?;
    Ok(if report.is_whole() && !interrupted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Ends with SIGINT or SIGTERM.
async fn asked_to_end() -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        asked = tokio::signal::ctrl_c() => Ok(asked?),
        _ = term.recv() => Ok(()),
    }
}
