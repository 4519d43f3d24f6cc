//! What is no row of load: memory at rest, the start, and what one kind of caller does to the others.

mod burner;
mod descriptors;
mod idle_connections;
mod login_storm;
mod memory;
mod peer;
mod plugins;
mod slow_loris;
mod start;

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::BoxFuture;

use crate::{
    load::{self, Measured, Work},
    plan::Plan,
    report::{Fact, Report},
    rows::{own_token, unpanicked},
    setup::Stage,
};

/// The group of their figures in the table.
const GROUP: &str = "resources";

/// One of them: what it is called, which is also the figure that has a target, and what measures it.
struct Scenario {
    name: &'static str,
    measure: for<'a> fn(&'a Plan) -> BoxFuture<'a, Result<Vec<Fact>>>,
}

/// In the order in which they are measured.
static SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: memory::IDLE,
        measure: |_| Box::pin(memory::idle()),
    },
    Scenario {
        name: memory::WITH_PLUGINS,
        measure: |plan| Box::pin(memory::with_plugins(plan)),
    },
    Scenario {
        name: start::NAME,
        measure: |_| Box::pin(start::measure()),
    },
    Scenario {
        name: login_storm::NAME,
        measure: |plan| Box::pin(login_storm::measure(plan)),
    },
    Scenario {
        name: idle_connections::NAME,
        measure: |plan| Box::pin(idle_connections::measure(plan)),
    },
    Scenario {
        name: slow_loris::NAME,
        measure: |plan| Box::pin(slow_loris::measure(plan)),
    },
];

/// Measures what the plan wants, each by its name.
pub async fn run(plan: &Plan, report: &mut Report) {
    for scenario in SCENARIOS.iter().filter(|scenario| plan.wants(scenario.name)) {
        match unpanicked((scenario.measure)(plan)).await {
            Ok(facts) => facts.into_iter().for_each(|fact| report.add_fact(fact)),
            Err(error) => report.fail(scenario.name, &error),
        }
    }
}

fn fact(name: &str, value: f64, unit: &'static str) -> Fact {
    Fact::new(GROUP, name, value, unit)
}

/// Token requests of the client for itself, as the plan says: what the others' p99 is the p99 of.
async fn token_requests(stage: &Stage, plan: &Plan) -> Result<Measured> {
    let work = Work::Same(own_token(stage));
    let measured = load::run(&stage.order(plan, plan.callers(), work)?).await?;
    ensure!(
        measured.errors == 0 && measured.answers > 0,
        "a token request failed: {}",
        measured.first_error.unwrap_or_default()
    );
    Ok(measured)
}

/// A million bytes each.
fn megabytes(bytes: u64) -> f64 {
    kilobytes(bytes) / 1e3
}

/// A thousand bytes each.
#[expect(clippy::cast_precision_loss, reason = "what a process holds fits")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1e3
}

fn ms(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// The middle one.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let ms = |times: &[u64]| times.iter().map(|&time| Duration::from_millis(time)).collect();
        assert_eq!(median(ms(&[9, 1, 5])), Duration::from_millis(5));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }

    #[test]
    fn every_scenario_has_a_target() {
        for scenario in &SCENARIOS {
            let fact = fact(scenario.name, 0.0, "");
            assert_eq!(fact.verdicts().len(), 1, "{}", scenario.name);
        }
    }
}
