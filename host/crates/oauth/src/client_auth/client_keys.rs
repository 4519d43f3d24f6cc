//! Keys at a client's `jwks_uri`: kept for a while, fetched again when they lack a key, never more often than a server may
//! be asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use authly_core::{
    Timestamp,
    ports::{FetchError, RemoteDocuments},
};
use authly_jose::VerificationKeySet;
use tokio::sync::OwnedMutexGuard;

/// Keys are not asked for again for this long, unless one is missing.
const FRESH: Duration = Duration::from_mins(5);
/// A missing key makes the keys be fetched again, but not sooner than this after the last time: whoever sends invented
/// `kid`s must not make the server send requests.
const REFETCH_MIN: Duration = Duration::from_secs(10);
/// Where the keys cannot be had, the last ones serve for this long.
const STALE_MAX: Duration = Duration::from_hours(1);
/// The most URLs remembered.
const URLS_MAX: usize = 10_000;

/// Why there are no keys to verify with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoKeys {
    /// They cannot be had for now: not a "no".
    #[error("the client's keys could not be fetched")]
    Unavailable(#[source] FetchError),
    /// What the client registered leads to no key set, and will not when asked again: its own fault.
    #[error("the client's jwks_uri leads to no usable key set")]
    Unusable,
}

/// What is known of one URL.
#[derive(Default)]
struct Slot {
    set: Option<Arc<VerificationKeySet>>,
    /// When `set` was fetched.
    fetched_at: Option<Timestamp>,
    /// When it was last tried.
    tried_at: Option<Timestamp>,
    /// Whether that try found what cannot be used.
    is_unusable: bool,
}

/// The keys of every client that registered a `jwks_uri`. One fetch of a URL at a time; whoever else needs it waits.
pub struct ClientKeys {
    documents: Arc<dyn RemoteDocuments>,
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
}

impl ClientKeys {
    /// Nothing is known yet.
    pub fn new(documents: Arc<dyn RemoteDocuments>) -> Self {
        Self {
            documents,
            slots: Mutex::default(),
        }
    }

    /// The keys, fetched when they are not fresh.
    ///
    /// # Errors
    /// [`NoKeys`] when there are none, not even old ones.
    pub(crate) async fn get(&self, url: &str, now: Timestamp) -> Result<Arc<VerificationKeySet>, NoKeys> {
        let slot = self.slot(url).lock_owned().await;
        match &slot.set {
            Some(set) if is_within(slot.fetched_at, FRESH, now) => Ok(Arc::clone(set)),
            _ => self.fetch(slot, url, now).await,
        }
    }

    /// The keys, fetched again because a key is missing.
    ///
    /// # Errors
    /// [`NoKeys`].
    pub(crate) async fn refresh(&self, url: &str, now: Timestamp) -> Result<Arc<VerificationKeySet>, NoKeys> {
        let slot = self.slot(url).lock_owned().await;
        self.fetch(slot, url, now).await
    }

    /// The fetch goes on when the caller hangs up: whoever knows a client's name could otherwise use up every turn of
    /// its keys, and never let one end.
    async fn fetch(
        &self,
        slot: OwnedMutexGuard<Slot>,
        url: &str,
        now: Timestamp,
    ) -> Result<Arc<VerificationKeySet>, NoKeys> {
        if is_within(slot.tried_at, REFETCH_MIN, now) {
            return old(&slot, now).ok_or_else(|| {
                if slot.is_unusable {
                    NoKeys::Unusable
                } else {
                    NoKeys::Unavailable(FetchError::Unavailable(format!("{url} was asked a moment ago")))
                }
            });
        }
        let (documents, url) = (Arc::clone(&self.documents), url.to_owned());
        let fetching = tokio::spawn(async move { fill(slot, documents.as_ref(), &url, now).await });
        fetching
            .await
            .unwrap_or_else(|error| Err(NoKeys::Unavailable(FetchError::Unavailable(error.to_string()))))
    }

    fn slot(&self, url: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= URLS_MAX && !slots.contains_key(url) {
            slots.clear();
        }
        Arc::clone(slots.entry(url.to_owned()).or_default())
    }
}

/// Fetches into the slot; where that fails, the last keys serve.
async fn fill(
    mut slot: OwnedMutexGuard<Slot>,
    documents: &dyn RemoteDocuments,
    url: &str,
    now: Timestamp,
) -> Result<Arc<VerificationKeySet>, NoKeys> {
    let loaded = load(documents, url).await;
    slot.tried_at = Some(now);
    slot.is_unusable = matches!(loaded, Err(NoKeys::Unusable));
    match loaded {
        Ok(set) => {
            let set = Arc::new(set);
            slot.set = Some(Arc::clone(&set));
            slot.fetched_at = Some(now);
            Ok(set)
        }
        Err(error) => {
            tracing::warn!(
                url,
                error = &error as &dyn std::error::Error,
                "a client's keys cannot be had"
            );
            old(&slot, now).ok_or(error)
        }
    }
}

async fn load(documents: &dyn RemoteDocuments, url: &str) -> Result<VerificationKeySet, NoKeys> {
    let body = documents.fetch_json(url).await.map_err(|error| match error {
        FetchError::Refused(why) => unusable(url, &why),
        FetchError::Unavailable(_) => NoKeys::Unavailable(error),
    })?;
    let text = std::str::from_utf8(&body).map_err(|error| unusable(url, &error))?;
    let set = VerificationKeySet::parse(text).map_err(|error| unusable(url, &error))?;
    if set.has_secrets() {
        return Err(unusable(url, &"it holds shared secrets"));
    }
    Ok(set)
}

/// The reason is for the log: it may name addresses that a caller must not learn.
fn unusable(url: &str, why: &dyn std::fmt::Display) -> NoKeys {
    tracing::warn!(url, reason = %why, "a client's jwks_uri is of no use");
    NoKeys::Unusable
}

/// The last keys, as long as they may serve.
fn old(slot: &Slot, now: Timestamp) -> Option<Arc<VerificationKeySet>> {
    slot.set
        .clone()
        .filter(|_| is_within(slot.fetched_at, STALE_MAX, now))
}

fn is_within(since: Option<Timestamp>, time: Duration, now: Timestamp) -> bool {
    since.is_some_and(|since| since <= now && now < since.plus(time))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;

    const URL: &str = "https://c.example/jwks";
    const KEYS: &str = r#"{"keys":[]}"#;

    /// Answers what a test says, and counts.
    #[derive(Default)]
    struct Site {
        answer: Mutex<Option<&'static str>>,
        asked: AtomicU64,
    }

    #[async_trait]
    impl RemoteDocuments for Site {
        async fn fetch_json(&self, url: &str) -> Result<Vec<u8>, FetchError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = *self.answer.lock().unwrap();
            answer
                .map(|text| text.as_bytes().to_vec())
                .ok_or_else(|| FetchError::Unavailable(url.to_owned()))
        }
    }

    fn keys(answer: Option<&'static str>) -> (Arc<Site>, ClientKeys) {
        let site = Arc::new(Site::default());
        *site.answer.lock().unwrap() = answer;
        (Arc::clone(&site), ClientKeys::new(site))
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    #[tokio::test]
    async fn keys_are_kept_while_they_are_fresh() {
        let (site, keys) = keys(Some(KEYS));
        for secs in [0, 1, 299] {
            keys.get(URL, at(secs)).await.unwrap();
        }
        assert_eq!(site.asked.load(Ordering::Relaxed), 1);
        keys.get(URL, at(300)).await.unwrap();
        assert_eq!(site.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_missing_key_refetches_but_not_too_often() {
        let (site, keys) = keys(Some(KEYS));
        keys.get(URL, at(0)).await.unwrap();
        for secs in [1, 9] {
            keys.refresh(URL, at(secs)).await.unwrap();
        }
        assert_eq!(site.asked.load(Ordering::Relaxed), 1, "asked a moment ago");
        keys.refresh(URL, at(10)).await.unwrap();
        assert_eq!(site.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn old_keys_serve_for_an_hour_when_no_new_ones_can_be_had() {
        let (site, keys) = keys(Some(KEYS));
        keys.get(URL, at(0)).await.unwrap();
        *site.answer.lock().unwrap() = None;
        assert!(keys.get(URL, at(3_599)).await.is_ok());
        assert!(keys.get(URL, at(3_615)).await.is_err());
    }

    /// Does not answer before it is told to.
    #[derive(Default)]
    struct Slow {
        asked: tokio::sync::Notify,
        go_on: tokio::sync::Notify,
    }

    #[async_trait]
    impl RemoteDocuments for Slow {
        async fn fetch_json(&self, _: &str) -> Result<Vec<u8>, FetchError> {
            self.asked.notify_one();
            self.go_on.notified().await;
            Ok(KEYS.as_bytes().to_vec())
        }
    }

    #[tokio::test]
    async fn a_caller_that_hangs_up_takes_nobodys_turn() {
        let site = Arc::new(Slow::default());
        let keys = ClientKeys::new(Arc::clone(&site) as Arc<dyn RemoteDocuments>);
        tokio::select! {
            _ = keys.get(URL, at(0)) => panic!("it cannot have been answered"),
            () = site.asked.notified() => {}
        }
        site.go_on.notify_one();
        let again = keys.get(URL, at(1)).await;
        assert!(again.is_ok(), "the fetch that was begun has ended: {again:?}");
    }

    #[tokio::test]
    async fn what_is_no_public_key_set_is_not_believed() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"keys":[{"kty":"oct","kid":"s","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}]}"#,
        ] {
            let (_, keys) = keys(Some(bad));
            for secs in [0, 1] {
                let answer = keys.get(URL, at(secs)).await;
                assert!(matches!(answer, Err(NoKeys::Unusable)), "{bad}: {answer:?}");
            }
        }
    }

    #[tokio::test]
    async fn the_first_failure_is_not_repeated_at_once() {
        let (site, keys) = keys(None);
        assert!(keys.get(URL, at(0)).await.is_err());
        assert!(keys.get(URL, at(1)).await.is_err());
        assert_eq!(site.asked.load(Ordering::Relaxed), 1);
    }
}
