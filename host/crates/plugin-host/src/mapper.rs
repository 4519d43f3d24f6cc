//! The claim-mapper hook: every plugin bound to the client, in order, each seeing what those before it did.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use authly_core::ports::{ClaimMapInput, ClaimMapper, ClaimOrigin, ClaimTarget, HookError, MappedClaims};
use tokio::time::Instant;

use crate::{
    PluginHost,
    error::CallError,
    generation::{Asked, Generation},
    host::Inner,
    observer::{CallOutcome, CallReport, PluginId},
    patch::{self, Claims},
    registry::{Serving, Slot},
};

#[async_trait]
impl ClaimMapper for PluginHost {
    async fn map_claims(&self, mut input: ClaimMapInput) -> Result<MappedClaims, HookError> {
        let mut mapped = MappedClaims {
            claims: std::mem::take(&mut input.claims),
            origins: Vec::new(),
        };
        let table = self.inner().registry.table();
        for slot in table.iter().filter(|slot| slot.serves(&input.client.id)) {
            match run(self.inner(), slot, &input, &mut mapped.claims).await {
                Ok(touched) => mapped.origins.extend(touched),
                Err(_) if slot.is_optional() => {}
                Err(error) => return Err(error.hook_error(slot.name.as_str())),
            }
        }
        Ok(mapped)
    }
}

async fn run(
    host: &Arc<Inner>,
    slot: &Slot,
    input: &ClaimMapInput,
    claims: &mut Claims,
) -> Result<Vec<ClaimOrigin>, CallError> {
    let (current, predecessor) = match &*slot.serving {
        Serving::Generation { current, predecessor } => (current, predecessor.as_ref()),
        Serving::Disabled => return Ok(Vec::new()),
        Serving::Broken { .. } => return Err(not_loaded(host, slot, input)),
    };
    let predecessor = predecessor.filter(|_| current.is_young(host.clock.now(), host.canary));
    let wall = current.manifest.limits.wall;
    let Some(predecessor) = predecessor else {
        return attempt(
            host,
            current,
            Attempt {
                input,
                wall,
                may_fall_back: false,
            },
            claims,
        )
        .await;
    };
    // A bad version must cost no request, so the young one leaves time for a second answer.
    let half = Attempt {
        input,
        wall: wall / 2,
        may_fall_back: true,
    };
    match attempt(host, current, half, claims).await {
        Err(error) if !matches!(error, CallError::Overloaded) => {
            let last = Attempt {
                may_fall_back: false,
                ..half
            };
            let answered = attempt(host, predecessor, last, claims).await?;
            // Only now: where the predecessor fails too, the input may be what is wrong.
            if current.is_bad_after(&error, host.clock.now(), host.canary) {
                host.begin_rollback(&current.id, error.to_string());
            }
            Ok(answered)
        }
        answered => answered,
    }
}

#[derive(Clone, Copy)]
struct Attempt<'a> {
    input: &'a ClaimMapInput,
    wall: Duration,
    may_fall_back: bool,
}

/// One call and its patch. `claims` change only when everything went well.
async fn attempt(
    host: &Inner,
    generation: &Arc<Generation>,
    attempt: Attempt<'_>,
    claims: &mut Claims,
) -> Result<Vec<ClaimOrigin>, CallError> {
    let began = Instant::now();
    let asked = Asked {
        input: attempt.input,
        claims,
        tenant: host.tenant.as_str(),
        wall: attempt.wall,
    };
    let answered = generation.map_claims(&host.caller, &host.observer, asked).await;
    let applied = answered.and_then(|changes| {
        Ok(patch::apply(
            changes,
            claims,
            &generation.manifest.claims,
            &host.limits,
        )?)
    });
    let error = applied.as_ref().err();
    host.observer.called(&CallReport {
        plugin: &generation.id,
        request_id: &attempt.input.request.request_id,
        outcome: error.map_or(CallOutcome::Ok, CallError::outcome),
        error,
        duration: began.elapsed(),
        falls_back: attempt.may_fall_back && error.is_some_and(|e| !matches!(e, CallError::Overloaded)),
    });
    let touched = applied?;
    generation.prove();
    Ok(origins(&generation.id, touched))
}

fn origins(plugin: &PluginId, touched: Vec<(ClaimTarget, String)>) -> Vec<ClaimOrigin> {
    if touched.is_empty() {
        return Vec::new();
    }
    let digest = plugin.digest.to_hex();
    let origin = |(target, claim)| ClaimOrigin {
        target,
        claim,
        plugin: plugin.name.as_str().to_owned(),
        version: plugin.version.clone(),
        digest: digest.clone(),
        generation: plugin.generation,
    };
    touched.into_iter().map(origin).collect()
}

fn not_loaded(host: &Inner, slot: &Slot, input: &ClaimMapInput) -> CallError {
    let reason = slot.trouble.as_ref().map(ToString::to_string).unwrap_or_default();
    let error = CallError::NotLoaded(reason);
    host.observer.called(&CallReport {
        plugin: &PluginId {
            name: slot.name.clone(),
            version: String::new(),
            digest: slot.digest,
            generation: slot.generation,
        },
        request_id: &input.request.request_id,
        outcome: error.outcome(),
        error: Some(&error),
        duration: Duration::ZERO,
        falls_back: false,
    });
    error
}
