//! `host/docs/conformance.md` names tests; each of them must be there and run.

use std::{collections::BTreeSet, fs, path::Path};

use crate::workspace_tests;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs/conformance.md");
    fs::read_to_string(path).expect("the page")
}

/// Every `module::name` in backquotes.
fn named(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
    quoted
        .filter(|text| text.contains("::") && text.chars().all(is_path))
        .collect()
}

#[test]
fn every_test_that_the_conformance_page_names_is_there() {
    let (page, all) = (page(), workspace_tests::all());
    let missing = named(&page).into_iter().filter(|test| !all.contains(*test));
    let moved = missing.map(|test| {
        let name = test.rsplit("::").next().expect("a name");
        let here = all.iter().find(|found| found.rsplit("::").next() == Some(name));
        format!("{test}: {}", here.map_or("gone", String::as_str))
    });
    let moved: Vec<String> = moved.collect();
    assert!(
        moved.is_empty(),
        "what host/docs/conformance.md names is elsewhere: {moved:#?}"
    );
}

#[test]
fn every_row_of_what_is_built_names_a_test() {
    let page = page();
    let (_, rest) = page.split_once("\n## What is built\n").expect("what is built");
    let (built, _) = rest
        .split_once("\n## What comes later\n")
        .expect("what comes later");
    let rows: Vec<&str> = built.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 50, "{} rows: is the page whole?", rows.len());
    for row in rows
        .into_iter()
        .filter(|row| !row.starts_with("| What certified"))
    {
        assert!(!named(row).is_empty(), "no test proves: {row}");
    }
}
