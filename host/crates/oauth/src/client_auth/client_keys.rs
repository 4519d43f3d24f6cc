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

/// Keys are not asked for again for this long, unless one is missing.
const FRESH: Duration = Duration::from_mins(5);
/// A missing key makes the keys be fetched again, but not sooner than this after the last time: whoever sends invented
/// `kid`s must not make the server send requests.
const REFETCH_MIN: Duration = Duration::from_secs(10);
/// Where the keys cannot be had, the last ones serve for this long.
const STALE_MAX: Duration = Duration::from_hours(1);
/// The most URLs remembered.
const URLS_MAX: usize = 10_000;

/// What is known of one URL.
#[derive(Default)]
struct Slot {
    set: Option<Arc<VerificationKeySet>>,
    /// When `set` was fetched.
    fetched_at: Option<Timestamp>,
    /// When it was last tried.
    tried_at: Option<Timestamp>,
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
    /// [`FetchError`] when there are none, not even old ones.
    pub(crate) async fn get(&self, url: &str, now: Timestamp) -> Result<Arc<VerificationKeySet>, FetchError> {
        let slot = self.slot(url);
        let mut slot = slot.lock().await;
        match &slot.set {
            Some(set) if is_within(slot.fetched_at, FRESH, now) => Ok(Arc::clone(set)),
            _ => self.fetch(&mut slot, url, now).await,
        }
    }

    /// The keys, fetched again because a key is missing.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(crate) async fn refresh(
        &self,
        url: &str,
        now: Timestamp,
    ) -> Result<Arc<VerificationKeySet>, FetchError> {
        let slot = self.slot(url);
        let mut slot = slot.lock().await;
        self.fetch(&mut slot, url, now).await
    }

    async fn fetch(
        &self,
        slot: &mut Slot,
        url: &str,
        now: Timestamp,
    ) -> Result<Arc<VerificationKeySet>, FetchError> {
        if is_within(slot.tried_at, REFETCH_MIN, now) {
            let wait = || FetchError::Unavailable(format!("{url} was asked a moment ago"));
            return old(slot, now).ok_or_else(wait);
        }
        slot.tried_at = Some(now);
        match self.load(url).await {
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
                old(slot, now).ok_or(error)
            }
        }
    }

    async fn load(&self, url: &str) -> Result<VerificationKeySet, FetchError> {
        let body = self.documents.fetch_json(url).await?;
        let unusable = |why: String| FetchError::Unavailable(format!("{url}: {why}"));
        let text = std::str::from_utf8(&body).map_err(|error| unusable(error.to_string()))?;
        let set = VerificationKeySet::parse(text).map_err(|error| unusable(error.to_string()))?;
        if set.has_secrets() {
            return Err(unusable("it holds shared secrets".to_owned()));
        }
        Ok(set)
    }

    fn slot(&self, url: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= URLS_MAX && !slots.contains_key(url) {
            slots.clear();
        }
        Arc::clone(slots.entry(url.to_owned()).or_default())
    }
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

    #[tokio::test]
    async fn what_is_no_public_key_set_is_not_believed() {
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"keys":[{"kty":"oct","kid":"s","k":"-ebuDNsVZ2iJtoZ-akfXTSCt4UO2cruLCsbWlBinggE"}]}"#,
        ] {
            let (_, keys) = keys(Some(bad));
            assert!(keys.get(URL, at(0)).await.is_err(), "{bad}");
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
