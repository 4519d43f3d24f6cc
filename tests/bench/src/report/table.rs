//! The run as text: columns as wide as their widest cell, words to the left and numbers to the right.

use super::{Fact, Report, Row};
use crate::targets::Verdict;

/// What a cell without a figure shows.
const NONE: &str = "-";

/// The whole text.
pub fn render(report: &Report) -> String {
    let mut text = report.machine.heading();
    text.push_str(&report.plan.heading());
    let loads: Vec<_> = report.rows.iter().map(load).collect();
    if !loads.is_empty() {
        text.push('\n');
        text.push_str(&aligned(&LOAD_HEADINGS, &loads));
    }
    let facts: Vec<_> = report.facts.iter().map(fact).collect();
    if !facts.is_empty() {
        text.push('\n');
        text.push_str(&aligned(&FACT_HEADINGS, &facts));
    }
    for row in &report.rows {
        if let Some(error) = &row.first_error {
            text.push_str(&["\n", &row.name, ": first error: ", error, "\n"].concat());
        }
    }
    for left_out in &report.skipped {
        text.push_str(&["\n", &left_out.name, ": left out: ", &left_out.error, "\n"].concat());
    }
    for failure in &report.failures {
        text.push_str(&["\n", &failure.name, ": FAILED: ", &failure.error, "\n"].concat());
    }
    text
}

/// How a column is set.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

const LOAD_HEADINGS: [(&str, Side); 11] = [
    ("load", Side::Left),
    ("req/s", Side::Right),
    ("of limit %", Side::Right),
    ("p50 ms", Side::Right),
    ("p95 ms", Side::Right),
    ("p99 ms", Side::Right),
    ("CPU ms/req", Side::Right),
    ("of it PG", Side::Right),
    ("others %", Side::Right),
    ("errors", Side::Right),
    ("targets, notes", Side::Left),
];

fn load(row: &Row) -> [String; 11] {
    let or_none = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
    };
    [
        row.name.clone(),
        format!("{:.0}", row.per_second),
        or_none(row.of_limit_percent, 1),
        format!("{:.2}", row.p50_ms),
        format!("{:.2}", row.p95_ms),
        format!("{:.2}", row.p99_ms),
        format!("{:.4}", row.cpu_ms),
        or_none(row.cpu_postgres_ms, 4),
        or_none(row.others_percent, 0),
        row.errors.to_string(),
        remarks(&row.verdicts(), row.note.as_deref()),
    ]
}

const FACT_HEADINGS: [(&str, Side); 4] = [
    ("figure", Side::Left),
    ("value", Side::Right),
    ("unit", Side::Left),
    ("targets, notes", Side::Left),
];

fn fact(fact: &Fact) -> [String; 4] {
    [
        fact.name.clone(),
        format!("{:.2}", fact.value),
        fact.unit.to_owned(),
        remarks(&fact.verdicts(), fact.note.as_deref()),
    ]
}

fn remarks(verdicts: &[Verdict], note: Option<&str>) -> String {
    let verdicts = verdicts.iter().map(ToString::to_string);
    verdicts
        .chain(note.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("; ")
}

fn aligned<const N: usize>(headings: &[(&str, Side); N], lines: &[[String; N]]) -> String {
    let mut widths = headings.map(|(heading, _)| heading.chars().count());
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let headings_line = headings.map(|(heading, _)| heading.to_owned());
    let mut text = String::new();
    for line in std::iter::once(&headings_line).chain(lines) {
        let cells = line.iter().zip(widths).zip(headings);
        let cells = cells.map(|((cell, width), (_, side))| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let headings = [("row", Side::Left), ("ms", Side::Right), ("note", Side::Left)];
        let cell = str::to_owned;
        let lines = [
            [cell("a"), cell("1.5"), cell("≤ 2: met")],
            [cell("longer"), cell("10.25"), String::new()],
        ];
        assert_eq!(
            aligned(&headings, &lines),
            "row        ms  note\n\
             a         1.5  ≤ 2: met\n\
             longer  10.25\n"
        );
    }
}
