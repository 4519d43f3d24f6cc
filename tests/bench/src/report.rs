//! What a run found: rows of load, single figures, and what failed, as a table and as JSON.

mod json;
mod table;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    machine::Machine,
    plan::Plan,
    targets::{self, Measure, Verdict},
};

/// A load and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Unique; what `ROWS=` selects by. `job.variant.backend`, such as `refresh.1plugin.postgres`.
    pub name: String,
    /// Rows of one group stand together.
    pub group: String,
    /// Connections that asked at the same time.
    pub callers: usize,
    /// Requests (flows, logins) answered as expected while it was measured.
    pub requests: u64,
    /// Answers other than the expected one, and connections lost.
    pub errors: u64,
    /// What the first of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// Requests answered per second, all callers together.
    pub per_second: f64,
    /// Half of all requests were answered within this many milliseconds.
    pub p50_ms: f64,
    /// 95 of 100 were.
    pub p95_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// Processor time per request in milliseconds, user and system: the server, and PostgreSQL where there is one.
    pub cpu_ms: f64,
    /// PostgreSQL's share of it: the postmaster and every process of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_postgres_ms: Option<f64>,
    /// What the load generator itself spent per request, which no target counts.
    pub cpu_generator_ms: f64,
    /// What share of the machine's processor time others had meanwhile than the server, PostgreSQL and the generator, in
    /// percent: where it is more than a few, the row says little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others_percent: Option<f64>,
    /// The same load on a server that does the bare job: its requests per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_per_second: Option<f64>,
    /// And its processor time per request in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_cpu_ms: Option<f64>,
    /// As `others_percent`, while that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_others_percent: Option<f64>,
    /// `per_second` in percent of `limit_per_second`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_limit_percent: Option<f64>,
    /// What a reader must know to read the figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Row {
    fn measured(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::PerSecond => Some(self.per_second),
            Measure::Cpu => Some(self.cpu_ms),
            Measure::OfLimit => self.of_limit_percent,
            Measure::Value => None,
        }
    }

    /// What its targets say.
    pub fn verdicts(&self) -> Vec<Verdict> {
        targets::verdicts(&self.name, |measure| self.measured(measure))
    }
}

/// One figure that is no load: memory, a time, a ratio of two rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fact {
    /// Unique; what `ROWS=` selects by.
    pub name: String,
    /// Figures of one group stand together.
    pub group: String,
    /// The figure.
    pub value: f64,
    /// Its unit, such as `MB`, `ms`, `%`.
    pub unit: &'static str,
    /// What a reader must know to read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Fact {
    /// A figure without a note.
    pub fn new(group: &str, name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            group: group.to_owned(),
            value,
            unit,
            note: None,
        }
    }

    /// The same with a note.
    #[must_use]
    pub fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }

    /// What its targets say.
    pub fn verdicts(&self) -> Vec<Verdict> {
        targets::verdicts(&self.name, |measure| {
            (measure == Measure::Value).then_some(self.value)
        })
    }
}

/// A row or a figure that is not there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// Why, with every cause.
    pub error: String,
}

/// Everything a run found, in the order it was found.
#[derive(Debug)]
pub struct Report {
    machine: Machine,
    plan: Plan,
    rows: Vec<Row>,
    facts: Vec<Fact>,
    failures: Vec<Failure>,
    skipped: Vec<Failure>,
}

impl Report {
    /// An empty one.
    pub fn new(machine: Machine, plan: Plan) -> Self {
        Self {
            machine,
            plan,
            rows: Vec::new(),
            facts: Vec::new(),
            failures: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds a row, and says so on stderr.
    pub fn add_row(&mut self, row: Row) {
        eprintln!(
            "{}: {:.0}/s, p99 {:.2} ms, {:.4} ms CPU",
            row.name, row.per_second, row.p99_ms, row.cpu_ms
        );
        self.rows.push(row);
    }

    /// Adds a figure, and says so on stderr.
    pub fn add_fact(&mut self, fact: Fact) {
        eprintln!("{}: {:.3} {}", fact.name, fact.value, fact.unit);
        self.facts.push(fact);
    }

    /// Notes that a row or a figure could not be measured: the run goes on, and fails at its end.
    pub fn fail(&mut self, name: impl Into<String>, error: &anyhow::Error) {
        let (name, error) = (name.into(), format!("{error:#}"));
        eprintln!("{name}: FAILED: {error}");
        self.failures.push(Failure { name, error });
    }

    /// Notes that something was left out, and what it takes to have it: the run does not fail.
    pub fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        let (name, error) = (name.into(), reason.into());
        eprintln!("{name}: left out: {error}");
        self.skipped.push(Failure { name, error });
    }

    /// A row that was measured before.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Whether everything was measured, and every answer was the expected one.
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty() && self.rows.iter().all(|row| row.errors == 0)
    }

    /// The table, with a heading that says where it was measured.
    pub fn table(&self) -> String {
        table::render(self)
    }

    /// Writes it as JSON; the shape is that of [`json::Document`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&json::document(self))?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}
