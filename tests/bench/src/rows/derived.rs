//! Figures that are the difference of two rows.

use crate::report::{Fact, Report, Row};

/// A figure: what it is called behind the name of the row without plugins, the variant it subtracts from, and what.
const DIFFERENCES: [(&str, &str, &str, fn(&Row) -> f64); 3] = [
    ("one plugin adds, CPU", "", ".1plugin", |row| row.cpu_ms),
    ("three plugins add, CPU", "", ".3plugins", |row| row.cpu_ms),
    (
        "one plugin adds, p50 of one caller",
        ".1caller",
        ".1plugin.1caller",
        |row| row.p50_ms,
    ),
];

/// Adds every difference whose two rows were measured, in microseconds.
pub fn add(report: &mut Report) {
    let mut facts = Vec::new();
    for backend in ["sqlite", "postgres"] {
        for job in ["client_credentials", "userinfo", "code_flow", "refresh"] {
            for (what, without, with, measure) in DIFFERENCES {
                let row = |variant: &str| report.row(&format!("{job}{variant}.{backend}"));
                if let (Some(without), Some(with)) = (row(without), row(with)) {
                    let difference = 1e3 * (measure(with) - measure(without));
                    facts.push(Fact::new(
                        "plugins",
                        format!("{job}.{backend}: {what}"),
                        difference,
                        "µs",
                    ));
                }
            }
        }
    }
    for fact in facts {
        report.add_fact(fact);
    }
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
        add(&mut report);
        let fact = report.fact("refresh.sqlite: one plugin adds, CPU").unwrap();
        assert!((fact.value - 62.5).abs() < 1e-9);
        let verdicts = fact.verdicts();
        assert_eq!(verdicts.len(), 1);
        assert!(!verdicts.iter().all(crate::targets::Verdict::is_met));
        assert_eq!(report.fact("refresh.sqlite: three plugins add, CPU"), None);
    }
}
