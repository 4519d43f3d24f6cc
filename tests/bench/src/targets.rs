//! What the figures should be: one table, keyed by the name of a row or a figure.
//!
//! They are meant for one run on two cores with ES256 tokens. Processor time counts the server and PostgreSQL.

use std::fmt;

use serde::Serialize;

/// Which figure of a row a target is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Measure {
    /// Requests per second.
    #[serde(rename = "per_second")]
    PerSecond,
    /// Processor time per request, in milliseconds.
    #[serde(rename = "cpu_ms")]
    Cpu,
    /// Requests per second in percent of the limit server's.
    #[serde(rename = "of_limit_percent")]
    OfLimit,
    /// The value of a single figure, in its unit.
    #[serde(rename = "value")]
    Value,
}

/// Where the good side ends; the bound itself is good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};
use Measure::{Cpu, OfLimit, PerSecond, Value};

/// A row or figure, its measure, and the bound. A row may have several. A name that begins with a colon is that of
/// every figure that ends with it.
const TARGETS: &[(&str, Measure, Bound)] = &[
    ("client_credentials.sqlite", OfLimit, AtLeast(60.0)),
    ("client_credentials.sqlite", Cpu, AtMost(0.045)),
    ("client_credentials.postgres", OfLimit, AtLeast(60.0)),
    ("client_credentials.postgres", Cpu, AtMost(0.045)),
    ("refresh.sqlite", Cpu, AtMost(0.20)),
    ("refresh.postgres", Cpu, AtMost(0.20)),
    ("code_flow.sqlite", Cpu, AtMost(0.45)),
    ("code_flow.postgres", Cpu, AtMost(0.45)),
    ("introspection.sqlite", Cpu, AtMost(0.04)),
    ("introspection.postgres", Cpu, AtMost(0.04)),
    // The verification of a token not seen before comes on top: 0.05 ms.
    ("introspection.distinct.sqlite", Cpu, AtMost(0.09)),
    ("introspection.distinct.postgres", Cpu, AtMost(0.09)),
    ("userinfo.sqlite", Cpu, AtMost(0.08)),
    ("userinfo.postgres", Cpu, AtMost(0.08)),
    ("userinfo.distinct.sqlite", Cpu, AtMost(0.13)),
    ("userinfo.distinct.postgres", Cpu, AtMost(0.13)),
    ("jwks.sqlite", OfLimit, AtLeast(80.0)),
    ("jwks.postgres", OfLimit, AtLeast(80.0)),
    ("discovery.sqlite", OfLimit, AtLeast(80.0)),
    ("discovery.postgres", OfLimit, AtLeast(80.0)),
    // Where the disk allows; the ratio to a bare loop is what counts where it does not.
    ("refresh.sqlite", PerSecond, AtLeast(10_000.0)),
    ("refresh.sqlite of a bare SQLite loop", Value, AtLeast(70.0)),
    ("refresh.postgres of pgbench", Value, AtLeast(70.0)),
    (": one plugin adds, CPU", Value, AtMost(40.0)),
    (": one plugin adds, p50 of one caller", Value, AtMost(25.0)),
    (": three plugins add, CPU", Value, AtMost(120.0)),
    ("idle memory", Value, AtMost(40.0)),
    ("idle memory, four plugins", Value, AtMost(64.0)),
    ("start to ready", Value, AtMost(150.0)),
    ("login storm, p99 of client_credentials", Value, AtMost(2.0)),
    ("idle connection", Value, AtMost(12.0)),
    ("slow-loris, p99 of the others", Value, AtMost(2.0)),
    (
        "data.client_credentials.sqlite, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    (
        "data.introspection.sqlite, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    ("data.refresh.sqlite, p50 of full to empty", Value, AtMost(1.3)),
    ("data.login.sqlite, p50 of full to empty", Value, AtMost(1.3)),
    (
        "data.login_lookup.sqlite, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    (
        "data.purge.sqlite.client_credentials, p99 beside a purge",
        Value,
        AtMost(1.3),
    ),
    (
        "data.purge.sqlite.refresh, p99 beside a purge",
        Value,
        AtMost(1.3),
    ),
    (
        "data.client_credentials.postgres, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    (
        "data.introspection.postgres, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    ("data.refresh.postgres, p50 of full to empty", Value, AtMost(1.3)),
    ("data.login.postgres, p50 of full to empty", Value, AtMost(1.3)),
    (
        "data.login_lookup.postgres, p50 of full to empty",
        Value,
        AtMost(1.3),
    ),
    (
        "data.purge.postgres.client_credentials, p99 beside a purge",
        Value,
        AtMost(1.3),
    ),
    (
        "data.purge.postgres.refresh, p99 beside a purge",
        Value,
        AtMost(1.3),
    ),
];

/// What a target says of a figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    measure: Measure,
    bound: Bound,
    met: bool,
    missed_by_percent: f64,
}

impl Verdict {
    fn of(measure: Measure, bound: Bound, figure: f64) -> Self {
        let missed_by_percent = match bound {
            AtLeast(least) => 100.0 * (least - figure) / least,
            AtMost(most) => 100.0 * (figure - most) / most,
        };
        Self {
            measure,
            bound,
            met: missed_by_percent <= 0.0,
            missed_by_percent,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.measure {
            PerSecond => "req/s ",
            Cpu => "CPU ",
            OfLimit => "limit ",
            Value => "",
        })?;
        match self.bound {
            AtLeast(least) => write!(f, "≥ {least}: ")?,
            AtMost(most) => write!(f, "≤ {most}: ")?,
        }
        if self.met {
            f.write_str("met")
        } else {
            write!(f, "MISSED by {:.0} %", self.missed_by_percent)
        }
    }
}

/// The verdicts on whatever is called `name`, of the figures `measured` knows.
pub fn verdicts(name: &str, measured: impl Fn(Measure) -> Option<f64>) -> Vec<Verdict> {
    let own = TARGETS
        .iter()
        .filter(|(of, ..)| *of == name || of.starts_with(':') && name.ends_with(of));
    own.filter_map(|(_, measure, bound)| Some(Verdict::of(*measure, *bound, measured(*measure)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_is_met() {
        assert!(Verdict::of(Cpu, AtMost(0.2), 0.2).met);
        assert!(Verdict::of(OfLimit, AtLeast(60.0), 60.0).met);
    }

    #[test]
    fn a_miss_is_told_in_percent_of_the_bound() {
        let slow = Verdict::of(Cpu, AtMost(0.2), 0.25);
        assert_eq!(slow.to_string(), "CPU ≤ 0.2: MISSED by 25 %");
        let few = Verdict::of(Value, AtLeast(70.0), 35.0);
        assert_eq!(few.to_string(), "≥ 70: MISSED by 50 %");
    }

    #[test]
    fn what_was_not_measured_has_no_verdict() {
        assert_eq!(verdicts("jwks.sqlite", |_| None), []);
        assert_eq!(verdicts("no such row", |_| Some(1.0)), []);
        assert_eq!(verdicts("refresh.sqlite", |_| Some(1.0)).len(), 2);
    }
}
