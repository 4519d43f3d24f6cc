//! One loaded candidate, ready to be called.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use authly_core::{ports::ClaimMapInput, time::Timestamp};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    call::{CallContext, Caller, Invocation},
    error::CallError,
    imports::log::LogSink,
    limits::CallLimits,
    manifest::Manifest,
    observer::{PluginId, PluginObserver},
    patch::{self, Claims},
    versions::v0_1::{self, ClaimMapperPluginPre},
};

/// A candidate that passed every check and has no number yet.
pub(crate) struct Prepared {
    pub id: PluginId,
    pub manifest: Manifest,
    pub component: ClaimMapperPluginPre<CallContext>,
    /// SHA-256 of the component alone: the same code may come with another toml.
    pub wasm: [u8; 32],
    pub from_cache: bool,
    /// When its preparation began.
    pub began: Instant,
}

/// A candidate that serves.
pub(crate) struct Generation {
    pub id: Arc<PluginId>,
    pub manifest: Manifest,
    pub component: ClaimMapperPluginPre<CallContext>,
    pub wasm: [u8; 32],
    pub activated_at: Timestamp,
    admission: Arc<Semaphore>,
    /// It has answered at least once.
    proven: AtomicBool,
    /// How often its predecessor answered where it failed.
    outdone: AtomicU32,
}

impl Generation {
    /// So many failures that its predecessor answered make it a bad version.
    pub const OUTDONE_MAX: u32 = 5;

    pub fn new(prepared: Prepared, number: i64, activated_at: Timestamp) -> Self {
        let concurrency = prepared.manifest.limits.concurrency as usize;
        Self {
            id: Arc::new(PluginId {
                generation: number,
                ..prepared.id
            }),
            manifest: prepared.manifest,
            component: prepared.component,
            wasm: prepared.wasm,
            activated_at,
            admission: Arc::new(Semaphore::new(concurrency)),
            proven: AtomicBool::new(false),
            outdone: AtomicU32::new(0),
        }
    }

    /// Whether it may still turn out to be a bad version: it has not answered yet, or not long enough.
    pub fn is_young(&self, now: Timestamp, canary: Duration) -> bool {
        !self.proven.load(Ordering::Relaxed) || now.since(self.activated_at) < canary
    }

    /// It answered.
    pub fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Its predecessor answered where it failed. Whether that was once too often: every [`Self::OUTDONE_MAX`] times,
    /// so that a rollback that could not be done is tried again.
    pub fn is_bad_after(&self, error: &CallError, now: Timestamp, canary: Duration) -> bool {
        // A busy or cold machine makes a good version late, so lateness counts only against one that is new everywhere
        // and has never answered here.
        let is_settled = self.proven.load(Ordering::Relaxed) || now.since(self.activated_at) >= canary;
        if error.is_transient() && is_settled {
            return false;
        }
        let outdone = self.outdone.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        outdone.is_multiple_of(Self::OUTDONE_MAX)
    }

    /// Asks for a patch to `claims`.
    pub async fn map_claims(
        &self,
        caller: &Caller,
        observer: &Arc<dyn PluginObserver>,
        asked: Asked<'_>,
    ) -> Result<Vec<patch::Change>, CallError> {
        let limits = CallLimits {
            wall: asked.wall,
            ..self.manifest.limits
        };
        let deadline_ms = u32::try_from(asked.wall.as_millis()).unwrap_or(u32::MAX);
        let input = v0_1::input(asked.input, asked.claims, asked.tenant, deadline_ms);
        let request_id = asked.input.request.request_id.clone();
        let invocation = Invocation {
            component: &self.component,
            limits,
            config: Arc::clone(&self.manifest.config),
            log: LogSink::new(
                Arc::clone(observer),
                Arc::clone(&self.id),
                request_id,
                caller.log_lines(),
            ),
            admission: &self.admission,
        };
        let answer = caller
            .call(invocation, move |plugin, store| {
                Box::pin(async move {
                    plugin
                        .authly_plugin_claim_mapper()
                        .call_map_claims(store, &input)
                        .await
                })
            })
            .await?;
        let changes = answer.map_err(|error| CallError::Plugin(error.into()))?;
        Ok(v0_1::changes(changes)?)
    }
}

/// What a mapper is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub input: &'a ClaimMapInput,
    /// After the plugins before it.
    pub claims: &'a Claims,
    pub tenant: &'a str,
    pub wall: Duration,
}
