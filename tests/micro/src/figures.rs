//! The committed figures and how far from them a count may be.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use authly_micro::rows::Row;

use crate::callgrind;

/// A count that is off the committed one by more than this many percent fails: above it something got dearer, and below
/// it what was won could be lost again unseen.
const TOLERANCE_PERCENT: i128 = 10;

/// The head of the file.
const HEAD: &str = "\
# Instructions that one request costs, all threads together, counted by callgrind on x86_64 with the profile `count`.
# `make instructions` fails when one is more than 10 % off its figure here, cheaper too; `make instructions UPDATE=1`
# writes them anew, and the commit that does so says why.
";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.toml")
}

/// Counts every row and compares. Answers failure when one is not within its figure.
///
/// # Errors
/// When a row cannot be counted or the file not read.
pub fn check() -> Result<ExitCode> {
    let text = std::fs::read_to_string(path()).with_context(|| path().display().to_string())?;
    let committed: BTreeMap<String, u64> = toml::from_str(&text).context("instructions.toml")?;
    println!(
        "{:<14}{:>12}{:>12}{:>10}",
        "instructions", "committed", "now", "change"
    );
    let mut code = ExitCode::SUCCESS;
    for row in Row::ALL {
        let now = callgrind::count(row)?;
        let before = committed.get(row.name()).copied();
        let verdict = Verdict::of(before, now);
        println!("{}", line(row.name(), before, now, &verdict));
        if !verdict.passes() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Counts every row and writes the file.
///
/// # Errors
/// As [`check`].
pub fn update() -> Result<()> {
    let mut text = HEAD.to_owned();
    for row in Row::ALL {
        let figure = format!("{} = {}\n", row.name(), callgrind::count(row)?);
        print!("{figure}");
        text.push_str(&figure);
    }
    std::fs::write(path(), text)?;
    Ok(())
}

/// What a count is worth beside the committed figure. The number is the change in tenths of a percent.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no figure yet.
    New,
    Within(i128),
    Above(i128),
    Below(i128),
}

impl Verdict {
    fn of(committed: Option<u64>, now: u64) -> Self {
        let Some(committed) = committed.filter(|figure| *figure > 0) else {
            return Self::New;
        };
        let (committed, now) = (i128::from(committed), i128::from(now));
        let change = 1000 * (now - committed) / committed;
        if 100 * now > (100 + TOLERANCE_PERCENT) * committed {
            Self::Above(change)
        } else if 100 * now < (100 - TOLERANCE_PERCENT) * committed {
            Self::Below(change)
        } else {
            Self::Within(change)
        }
    }

    fn passes(&self) -> bool {
        matches!(self, Self::Within(_))
    }
}

fn line(name: &str, committed: Option<u64>, now: u64, verdict: &Verdict) -> String {
    let (change, hint) = match verdict {
        Verdict::New => (
            None,
            "FAILED: no figure yet; `make instructions UPDATE=1` writes it",
        ),
        Verdict::Within(change) => (Some(change), ""),
        Verdict::Above(change) => (
            Some(change),
            "FAILED: make it cheaper, or `make instructions UPDATE=1` and say why in the commit",
        ),
        Verdict::Below(change) => (
            Some(change),
            "FAILED: cheaper; `make instructions UPDATE=1` and commit, or the gain can be lost unseen",
        ),
    };
    let committed = committed.map(|figure| figure.to_string()).unwrap_or_default();
    let change = change.map(percent).unwrap_or_default();
    format!("{name:<14}{committed:>12}{now:>12}{change:>10}  {hint}")
        .trim_end()
        .to_owned()
}

/// Tenths of a percent as people read them.
fn percent(tenths: &i128) -> String {
    let sign = if *tenths < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_either_way_passes_and_more_fails() {
        for now in [900, 1000, 1100] {
            let verdict = Verdict::of(Some(1000), now);
            assert!(verdict.passes(), "{now}: {verdict:?}");
        }
        for (now, expected) in [(1101, Verdict::Above(101)), (899, Verdict::Below(-101))] {
            let verdict = Verdict::of(Some(1000), now);
            assert_eq!(verdict, expected);
            assert!(!verdict.passes(), "{now}");
        }
    }

    #[test]
    fn a_row_without_a_figure_does_not_pass() {
        for committed in [None, Some(0)] {
            let verdict = Verdict::of(committed, 5);
            assert_eq!(verdict, Verdict::New);
            assert!(!verdict.passes());
        }
    }

    #[test]
    fn a_failed_row_says_what_to_do() {
        for (now, change) in [(1200, "+20.0 %"), (800, "-20.0 %")] {
            let verdict = Verdict::of(Some(1000), now);
            let line = line("token", Some(1000), now, &verdict);
            assert!(line.starts_with("token"), "{line}");
            assert!(line.contains(change) && line.contains("FAILED"), "{line}");
            assert!(line.contains("`make instructions UPDATE=1`"), "{line}");
        }
    }
}
