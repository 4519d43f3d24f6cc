//! The limit server beside the rows: measured once per run for each thing it does.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::{
    limit::{self, LimitProcess},
    load::{self, Measured, Spec, Work},
    plan::Plan,
};

/// What a row is held against.
pub struct Limit {
    /// What is answered.
    pub server: limit::Spec,
    /// What is asked.
    pub work: Work,
}

/// What was measured so far, by what it costs and how many callers there were.
#[derive(Default)]
pub struct Limits {
    measured: BTreeMap<(String, usize), Measured>,
}

impl Limits {
    /// Measures it, unless that was done.
    pub async fn measured(&mut self, plan: &Plan, callers: usize, limit: &Limit) -> Result<Measured> {
        let key = (limit.server.cost(), callers);
        if let Some(known) = self.measured.get(&key) {
            return Ok(known.clone());
        }
        let server = LimitProcess::start(&limit.server)?;
        let spec = Spec {
            address: server.address,
            callers,
            warm_up: Plan::WARM_UP,
            measured: plan.measured(),
            answers_max: None,
            collect: None,
            server: Some(server.pid()),
            postmaster: None,
            work: limit.work.clone(),
        };
        let measured = load::run(&spec).await?;
        ensure!(
            measured.errors == 0 && measured.answers > 0,
            "the limit server: {}",
            measured.first_error.unwrap_or_default()
        );
        eprintln!(
            "limit of {}: {:.0}/s, {:.4} ms CPU",
            key.0,
            measured.per_second(),
            measured.ms_per_answer(measured.server_cpu.unwrap_or_default())
        );
        self.measured.insert(key, measured.clone());
        Ok(measured)
    }
}
