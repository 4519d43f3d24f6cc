//! Remembers which plugin set which claim, for the demo page. Part of the server in `--dev` only.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use authly_core::ports::{ClaimMapInput, ClaimMapper, ClaimOrigin, HookError, MappedClaims};

/// How many responses are remembered: one person with one page needs a handful.
const RESPONSES_MAX: usize = 256;

/// A claim mapper that passes everything on to another, and remembers the origins of the latest responses.
pub struct ClaimTrace {
    inner: Arc<dyn ClaimMapper>,
    latest: Mutex<VecDeque<Traced>>,
}

/// The origins of one response.
struct Traced {
    request_id: String,
    origins: Vec<ClaimOrigin>,
}

impl ClaimTrace {
    /// Around another mapper.
    pub fn new(inner: Arc<dyn ClaimMapper>) -> Self {
        Self {
            inner,
            latest: Mutex::new(VecDeque::with_capacity(RESPONSES_MAX)),
        }
    }

    /// What plugins changed in the answer to a request, in the order they did; empty when they changed nothing, or
    /// when the request is no longer among the latest.
    pub fn origins(&self, request_id: &str) -> Vec<ClaimOrigin> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .iter()
            .rev()
            .find(|traced| traced.request_id == request_id)
            .map(|traced| traced.origins.clone())
            .unwrap_or_default()
    }

    fn remember(&self, request_id: String, origins: Vec<ClaimOrigin>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= RESPONSES_MAX {
            latest.pop_front();
        }
        latest.push_back(Traced { request_id, origins });
    }
}

#[async_trait]
impl ClaimMapper for ClaimTrace {
    async fn map_claims(&self, input: ClaimMapInput) -> Result<MappedClaims, HookError> {
        let request_id = input.request.request_id.clone();
        let mapped = self.inner.map_claims(input).await?;
        self.remember(request_id, mapped.origins.clone());
        Ok(mapped)
    }
}

#[cfg(test)]
mod tests {
    use authly_core::ports::ClaimTarget;

    use super::*;

    struct Nothing;

    #[async_trait]
    impl ClaimMapper for Nothing {
        async fn map_claims(&self, _: ClaimMapInput) -> Result<MappedClaims, HookError> {
            Ok(MappedClaims::default())
        }
    }

    fn origin(claim: &str) -> ClaimOrigin {
        ClaimOrigin {
            target: ClaimTarget::IdToken,
            claim: claim.to_owned(),
            plugin: "attribute-claims".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "00".repeat(32),
            generation: 1,
        }
    }

    #[test]
    fn the_latest_responses_are_remembered_and_no_more() {
        let trace = ClaimTrace::new(Arc::new(Nothing));
        for n in 0..=RESPONSES_MAX {
            trace.remember(format!("r{n}"), vec![origin("a")]);
        }
        assert!(trace.origins("r0").is_empty());
        assert_eq!(trace.origins("r1"), [origin("a")]);
        // A client may choose the id of its request, so an id may come twice: the later one counts.
        trace.remember("r1".to_owned(), vec![origin("b")]);
        assert_eq!(trace.origins("r1"), [origin("b")]);
        assert!(trace.origins("never").is_empty());
    }
}
