//! Runs a row under callgrind and reads what it counted.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use authly_micro::rows::{MARK, REQUESTS, Row};
use rustc_demangle::try_demangle;
use tempfile::TempDir;

/// Tells AWS-LC that there is neither RDRAND nor RDSEED: of what it chooses by, these two are the machine's own and not
/// of the processor that Valgrind makes up.
const NO_HARDWARE_RANDOMNESS: (&str, &str) = ("OPENSSL_ia32cap", "~0x4000000000000000:~0x40000");

/// Functions that each part of a profile shows.
const SHOWN: usize = 150;

/// What a run left behind.
struct Run {
    _dir: TempDir,
    /// What happened between the two marks.
    measured: PathBuf,
}

/// The instructions of one request, all threads together.
///
/// # Errors
/// When valgrind is missing, the row fails, or the dump is not as expected.
pub fn count(row: Row) -> Result<u64> {
    let run = run(row)?;
    let text = std::fs::read_to_string(&run.measured)?;
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .context("callgrind wrote no totals")?;
    Ok(total.trim().parse::<u64>()? / u64::from(REQUESTS))
}

/// Prints where the instructions of a row go: by function with what it calls, then by function alone.
///
/// # Errors
/// As [`count`].
pub fn profile(row: Row) -> Result<()> {
    let run = run(row)?;
    for (title, inclusive) in [("with what they call", true), ("alone", false)] {
        let mut annotate = Command::new("callgrind_annotate");
        annotate.args(["--threshold=100", "--auto=no"]);
        if inclusive {
            annotate.arg("--inclusive=yes");
        }
        let annotated = annotate
            .arg(&run.measured)
            .output()
            .context("callgrind_annotate does not run; it comes with valgrind")?;
        ensure!(
            annotated.status.success(),
            "{}",
            String::from_utf8_lossy(&annotated.stderr)
        );
        println!("{}: instructions of one request by function, {title}", row.name());
        for line in shown(&String::from_utf8_lossy(&annotated.stdout)) {
            println!("{line}");
        }
    }
    Ok(())
}

/// Lines of callgrind_annotate as `instructions of one request, percent, function`, without those that stand for
/// nothing of one request any more.
fn shown(annotated: &str) -> impl Iterator<Item = String> {
    let lines = annotated.lines().filter_map(annotated_line).take(SHOWN);
    lines
        .map(|(total, percent, function)| (total / u64::from(REQUESTS), percent, function))
        .filter(|(of_one, _, _)| *of_one > 0)
        .map(|(of_one, percent, function)| format!("{of_one:>10} {percent:>7} {function}"))
}

/// `1,234 (5.67%)  file:function [object]` in its parts.
fn annotated_line(line: &str) -> Option<(u64, &str, String)> {
    let (total, rest) = line.trim_start().split_once(" (")?;
    let (percent, rest) = rest.split_once(')')?;
    let total = total.replace(',', "").parse().ok()?;
    let function = rest.trim();
    let function = function
        .rsplit_once(" [")
        .map_or(function, |(function, _)| function);
    // A mangled name has no colon, and the folder that a dependency's file is in says little.
    let function = function.rsplit_once(':').map_or(function, |(_, name)| name);
    let readable = try_demangle(function).map_or_else(|_| function.to_owned(), |name| format!("{name:#}"));
    Some((total, percent, readable))
}

fn run(row: Row) -> Result<Run> {
    ensure!(
        cfg!(target_arch = "x86_64"),
        "the committed figures are those of x86_64; elsewhere there is nothing to compare with"
    );
    let dir = TempDir::new()?;
    let out = dir.path().join("counts");
    let (name, value) = NO_HARDWARE_RANDOMNESS;
    let output = Command::new("valgrind")
        .env(name, value)
        .args(["--tool=callgrind", "--quiet"])
        // Threads take turns in the order in which they ask, not as chance has it.
        .arg("--fair-sched=yes")
        // Instances of a generic function differ in their mangled names alone.
        .arg("--demangle=no")
        .arg(format!("--dump-before={MARK}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["count", row.name()])
        .stdin(Stdio::null())
        .output()
        .context("valgrind does not run; `.ci/deps count` installs it")?;
    ensure!(
        output.status.success(),
        "{} failed under valgrind: {}",
        row.name(),
        String::from_utf8_lossy(&output.stderr)
    );
    let measured = dump_between_marks(&out)?;
    Ok(Run { _dir: dir, measured })
}

/// The second dump: the first is what came before the first mark, and what came after the second has no number.
fn dump_between_marks(out: &Path) -> Result<PathBuf> {
    let dump = |number: u32| {
        let mut name = out.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    ensure!(
        dump(2).is_file() && !dump(4).is_file(),
        "callgrind did not dump at the two marks: is the function that `{MARK}` stands for inlined?"
    );
    Ok(dump(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNOTATED: &str = "\
--------------------------------------------------------------------------------
Ir
--------------------------------------------------------------------------------
35,505,600 (100.0%)  PROGRAM TOTALS
21,346,500 (60.12%)  /src/jose/private_key.rs:_ZN11authly_jose11private_key10PrivateKey4sign17h0123456789abcdefE [/a]
18,900 ( 0.05%)  ???:memcpy [/lib/libc.so.6]
90 ( 0.00%)  ???:rare [/a]
";

    #[test]
    fn a_profile_is_of_one_request_and_readable() {
        let shown: Vec<String> = shown(ANNOTATED).collect();
        assert_eq!(
            shown,
            [
                "    355056  100.0% PROGRAM TOTALS",
                "    213465  60.12% authly_jose::private_key::PrivateKey::sign",
                "       189   0.05% memcpy",
            ]
        );
    }
}
