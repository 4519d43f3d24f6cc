//! Figures that are the difference of two rows.

use crate::report::{Fact, Report, Row};

/// A figure: what it is called behind the name of the row without plugins, the two variants, and what of them.
struct Difference {
    what: &'static str,
    without: &'static str,
    with: &'static str,
    measure: fn(&Row) -> f64,
}

const DIFFERENCES: [Difference; 3] = [
    Difference {
        what: "one plugin adds, CPU",
        without: "",
        with: ".1plugin",
        measure: |row| row.cpu_ms,
    },
    Difference {
        what: "three plugins add, CPU",
        without: "",
        with: ".3plugins",
        measure: |row| row.cpu_ms,
    },
    Difference {
        what: "one plugin adds, p50 of one caller",
        without: ".1caller",
        with: ".1plugin.1caller",
        measure: |row| row.p50_ms,
    },
];

/// Adds every difference whose two rows were measured, in microseconds.
pub fn add(report: &mut Report) {
    for fact in differences(report) {
        report.add_fact(fact);
    }
}

fn differences(report: &Report) -> Vec<Fact> {
    let mut facts = Vec::new();
    for backend in ["sqlite", "postgres"] {
        for job in ["client_credentials", "userinfo", "code_flow", "refresh"] {
            for difference in &DIFFERENCES {
                let row = |variant: &str| report.row(&format!("{job}{variant}.{backend}"));
                if let (Some(without), Some(with)) = (row(difference.without), row(difference.with)) {
                    let added = 1e3 * ((difference.measure)(with) - (difference.measure)(without));
                    let name = format!("{job}.{backend}: {}", difference.what);
                    facts.push(Fact::new("plugins", name, added, "µs"));
                }
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::Machine, plan::Plan};

    #[test]
    fn what_a_plugin_adds_is_the_difference_of_two_rows() {
        let mut report = Report::new(Machine::default(), Plan::default());
        for (name, cpu_ms) in [("refresh.sqlite", 0.25), ("refresh.1plugin.sqlite", 0.3125)] {
            report.add_row(Row {
                name: name.to_owned(),
                cpu_ms,
                ..Row::default()
            });
        }
        let facts = differences(&report);
        let [fact] = facts.as_slice() else {
            panic!("{facts:?}")
        };
        assert_eq!(fact.name, "refresh.sqlite: one plugin adds, CPU");
        assert!((fact.value - 62.5).abs() < 1e-9);
        assert_eq!(fact.verdicts().len(), 1);
    }
}
