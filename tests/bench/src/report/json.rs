//! The run as JSON: `target/bench.json`.

use serde::Serialize;

use super::{Fact, Failure, Report, Row};
use crate::{machine::Machine, plan::Plan, targets::Verdict};

/// Changes whenever a field changes its name, its unit or its meaning; a new field does not change it.
const VERSION: u32 = 1;

/// The file, whole.
#[derive(Serialize)]
pub struct Document<'a> {
    /// [`VERSION`].
    version: u32,
    /// Where it was measured.
    machine: &'a Machine,
    /// How.
    plan: &'a Plan,
    /// Loads: the fields of [`Row`], and `verdicts`.
    rows: Vec<Judged<'a, Row>>,
    /// Single figures: the fields of [`Fact`], and `verdicts`.
    facts: Vec<Judged<'a, Fact>>,
    /// What could not be measured.
    failures: &'a [Failure],
    /// What was left out, and what it takes to have it.
    skipped: &'a [Failure],
}

/// Something measured, and what its targets say: a `measure`, its `bound` (`at_least` or `at_most` a number), whether
/// it is `met`, and by how many percent of the bound the figure misses it (negative: what it has to spare).
#[derive(Serialize)]
struct Judged<'a, T> {
    #[serde(flatten)]
    measured: &'a T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<Verdict>,
}

/// The file of a report.
pub fn document(report: &Report) -> Document<'_> {
    Document {
        version: VERSION,
        machine: &report.machine,
        plan: &report.plan,
        rows: report
            .rows
            .iter()
            .map(|row| Judged {
                measured: row,
                verdicts: row.verdicts(),
            })
            .collect(),
        facts: report
            .facts
            .iter()
            .map(|fact| Judged {
                measured: fact,
                verdicts: fact.verdicts(),
            })
            .collect(),
        failures: &report.failures,
        skipped: &report.skipped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_carries_its_verdicts_beside_its_figures() {
        let mut report = Report::new(Machine::default(), Plan::default());
        report.add_row(Row {
            name: "client_credentials.sqlite".to_owned(),
            cpu_ms: 0.09,
            ..Row::default()
        });
        let document = serde_json::to_value(document(&report)).unwrap();
        assert_eq!(document["version"], VERSION);
        let row = &document["rows"][0];
        assert_eq!(row["cpu_ms"], 0.09);
        assert_eq!(row["verdicts"][0]["measure"], "cpu_ms");
        assert_eq!(row["verdicts"][0]["met"], false);
        assert_eq!(document["facts"].as_array().map(Vec::len), Some(0));
    }
}
