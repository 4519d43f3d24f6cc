//! Runs an order: all callers until the deadline, and the processor time meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{task::JoinSet, time::Instant};

use super::{
    caller::Caller,
    connection::{Connection, Failure},
    samples::Samples,
    spec::{Measured, Spec},
};
use crate::cpu;

/// How long after the deadline the last answers may take: more than the server's own timeouts.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// What a caller looks at before each request.
struct Course {
    begin: Instant,
    end: Instant,
    answers_max: Option<u64>,
    begun: AtomicU64,
    collect: Option<String>,
}

impl Course {
    /// Whether to ask once more, now.
    fn goes_on(&self, now: Instant) -> bool {
        let left = |max| self.begun.fetch_add(1, Ordering::Relaxed) < max;
        now < self.end && self.answers_max.is_none_or(left)
    }
}

/// Processor time so far.
#[derive(Clone, Copy)]
struct Spent {
    server: Option<Duration>,
    postgres: Option<Duration>,
    generator: Duration,
    machine: Option<Duration>,
}

impl Spent {
    fn so_far(spec: &Spec) -> Self {
        Self {
            server: spec.server.and_then(cpu::of_process),
            postgres: spec.postmaster.and_then(cpu::of_family),
            generator: cpu::of_this_process(),
            machine: cpu::of_machine(),
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the server takes no connection (any more), or an answer is still missing long after the deadline.
pub async fn run(spec: Spec) -> Result<Measured> {
    let callers = Caller::all(&spec)?;
    let begin = Instant::now() + spec.warm_up;
    let course = Arc::new(Course {
        begin,
        end: begin + spec.measured,
        answers_max: spec.answers_max,
        begun: AtomicU64::new(0),
        collect: spec.collect.clone(),
    });
    let mut tasks = JoinSet::new();
    for caller in callers {
        tasks.spawn(call(caller, Connection::new(spec.address), Arc::clone(&course)));
    }
    let all = async {
        tokio::time::sleep_until(begin).await;
        let before = Spent::so_far(&spec);
        let mut samples = Samples::new()?;
        while let Some(ended) = tasks.join_next().await {
            samples.merge(ended??)?;
        }
        anyhow::Ok((before, samples))
    };
    let Ok(ended) = tokio::time::timeout_at(course.end + LAST_ANSWERS, all).await else {
        bail!("an answer was still missing {LAST_ANSWERS:?} after the end");
    };
    let lasted = begin.elapsed();
    let (before, samples) = ended?;
    measured(samples, lasted, before, Spent::so_far(&spec))
}

async fn call(mut caller: Caller, mut connection: Connection, course: Arc<Course>) -> Result<Samples> {
    let mut samples = Samples::new()?;
    loop {
        let started = Instant::now();
        if !course.goes_on(started) {
            return Ok(samples);
        }
        match caller.once(&mut connection).await {
            Ok(answer) => {
                let now = Instant::now();
                if now >= course.begin {
                    samples.answered(now - started);
                }
                if let Some(name) = &course.collect {
                    let member = answer.member(name).with_context(|| format!("no {name}"))?;
                    samples.collected.push(member.to_owned());
                }
            }
            Err(Failure::Unexpected(error)) => samples.failed(error),
            Err(Failure::Gone(error)) => bail!(error),
            Err(Failure::UsedUp) => {
                samples.used_up = true;
                return Ok(samples);
            }
        }
    }
}

fn measured(samples: Samples, lasted: Duration, before: Spent, after: Spent) -> Result<Measured> {
    let difference = |after: Option<Duration>, before: Option<Duration>, who: &str| match before {
        None => Ok(None),
        Some(before) => {
            let after = after.with_context(|| format!("{who} ended while it was measured"))?;
            anyhow::Ok(Some(after.saturating_sub(before)))
        }
    };
    Ok(Measured {
        answers: samples.answers(),
        errors: samples.errors,
        lasted,
        p50: samples.percentile(50.0),
        p95: samples.percentile(95.0),
        p99: samples.percentile(99.0),
        server_cpu: difference(after.server, before.server, "the server")?,
        postgres_cpu: difference(after.postgres, before.postgres, "PostgreSQL")?,
        machine_cpu: after
            .machine
            .zip(before.machine)
            .map(|(after, before)| after.saturating_sub(before)),
        generator_cpu: after.generator.saturating_sub(before.generator),
        first_error: samples.first_error,
        collected: samples.collected,
        used_up: samples.used_up,
    })
}
