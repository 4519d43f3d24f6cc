use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use authly_core::{
    ClientId, Effects, Invalidation, Kid, Rng, ScopeSet, SecretBytes, StorageError, Topic,
    client::{AuthMethod, Client},
    key::{KeyState, SigningAlg, StoredKey},
    ports::ScopeDefinition,
};

use super::*;
use crate::{DatabaseConfig, Sealer};

struct HandClock(AtomicI64);
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
impl HandClock {
    fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000, Ordering::SeqCst);
    }
}

struct Zeros;
impl Rng for Zeros {
    fn fill(&self, dest: &mut [u8]) {
        dest.fill(0);
    }
}

/// A storage whose invalidation sequence can be cut off, and whose cursor can be held back.
struct Switched {
    inner: Arc<dyn Storage>,
    cut: AtomicBool,
    held_back: AtomicBool,
}

impl Switched {
    fn check(&self) -> StorageResult<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(StorageError::Unavailable("cut off".into()));
        }
        Ok(())
    }
}

impl Storage for Switched {
    fn tenant(&self, id: &TenantId) -> Arc<dyn TenantStorage> {
        self.inner.tenant(id)
    }
}

#[async_trait]
impl InvalidationLog for Switched {
    async fn invalidation_start(&self) -> StorageResult<InvalidationCursor> {
        self.check()?;
        self.inner.invalidation_start().await
    }
    async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
        self.check()?;
        let mut batch = self.inner.poll_invalidations(cursor).await?;
        if self.held_back.load(Ordering::SeqCst) {
            batch.cursor = cursor;
        }
        Ok(batch)
    }
    async fn invalidation_hint(&self) {
        self.inner.invalidation_hint().await;
    }
    async fn ping(&self) -> StorageResult<()> {
        self.inner.ping().await
    }
}

#[async_trait]
impl Maintenance for Switched {
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
        self.inner.purge(now, batch).await
    }
}

struct Fixture {
    clock: Arc<HandClock>,
    storage: Arc<Switched>,
    cache: CachedStorage,
    /// The tenant through the cache.
    here: Arc<dyn TenantStorage>,
    /// The tenant as another node changes it.
    elsewhere: Arc<dyn TenantStorage>,
    cursor: Mutex<Option<InvalidationCursor>>,
}

impl Fixture {
    async fn new() -> Self {
        let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), Arc::new(Zeros)).unwrap();
        let inner = crate::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(1_893_456_000_000_000)));
        let storage = Arc::new(Switched {
            inner: Arc::clone(&inner),
            cut: AtomicBool::new(false),
            held_back: AtomicBool::new(false),
        });
        let cache = cached(Arc::clone(&storage) as _, Arc::clone(&clock) as _);
        let tenant = TenantId::default_tenant();
        let (here, elsewhere) = (cache.tenant(&tenant), inner.tenant(&tenant));
        elsewhere.create_client(&client(), Effects::none()).await.unwrap();
        Self {
            clock,
            storage,
            cache,
            here,
            elsewhere,
            cursor: Mutex::default(),
        }
    }

    /// A poll from where the last one ended, as a node's poller makes it.
    async fn poll(&self) -> StorageResult<usize> {
        let known = *self.cursor.lock().unwrap();
        let cursor = match known {
            Some(cursor) => cursor,
            None => self.cache.invalidation_start().await?,
        };
        let batch = self.cache.poll_invalidations(cursor).await?;
        *self.cursor.lock().unwrap() = Some(batch.cursor);
        Ok(batch.items.len())
    }

    async fn disable_elsewhere(&self, effects: Effects) {
        self.elsewhere
            .set_client_enabled(&client().id, false, effects)
            .await
            .unwrap();
    }

    async fn sees_enabled(&self) -> bool {
        self.here
            .load_client(&client().id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    }
}

fn client() -> Client {
    Client {
        id: ClientId::parse("app").unwrap(),
        name: "App".to_owned(),
        token_endpoint_auth_method: AuthMethod::None,
        secret_hash: None,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        grant_types: Vec::new(),
        scopes: ScopeSet::default(),
        audiences: Vec::new(),
        id_token_signed_response_alg: SigningAlg::Rs256,
        access_token_signed_response_alg: SigningAlg::Es256,
        first_party: false,
        client_uri: None,
        policy_uri: None,
        tos_uri: None,
        rotate_refresh_tokens: true,
        enabled: true,
        created_at: Timestamp::from_secs(0),
    }
}

fn invalidating() -> Effects {
    Effects::none().invalidating(Topic::Client, "app")
}

#[tokio::test]
async fn client_is_remembered_until_it_is_invalidated() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    assert!(f.sees_enabled().await, "remembered");
    f.disable_elsewhere(invalidating()).await;
    assert!(f.sees_enabled().await, "not polled yet");
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn cache_is_passed_by_before_the_first_poll() {
    let f = Fixture::new().await;
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    assert!(!f.sees_enabled().await);
    f.poll().await.unwrap();
    assert!(
        !f.sees_enabled().await,
        "what was read before it is not believed after it"
    );
}

#[tokio::test]
async fn cache_is_passed_by_two_seconds_after_the_last_good_poll() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.storage.cut.store(true, Ordering::SeqCst);
    f.disable_elsewhere(invalidating()).await;
    f.clock.advance_millis(1_999);
    f.poll().await.unwrap_err();
    assert!(f.sees_enabled().await);
    f.clock.advance_millis(1);
    assert!(!f.sees_enabled().await, "exactly at the bound");
}

#[tokio::test]
async fn cache_starts_empty_after_an_outage() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.storage.cut.store(true, Ordering::SeqCst);
    // The row of this one may be purged before the node is back: it must not need it.
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(2_000);
    f.poll().await.unwrap_err();
    f.storage.cut.store(false, Ordering::SeqCst);
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(1_000);
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn clock_that_goes_backwards_is_not_believed() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(-1);
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn own_changes_are_seen_at_once() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    let id = client().id;
    assert!(
        f.here
            .set_client_enabled(&id, false, Effects::none())
            .await
            .unwrap()
    );
    assert!(!f.sees_enabled().await);

    assert!(f.here.list_scopes().await.unwrap().is_empty());
    let scope = ScopeDefinition {
        name: "openid".to_owned(),
        description: String::new(),
        is_default: false,
    };
    f.here
        .seed_scopes(std::slice::from_ref(&scope), Effects::none())
        .await
        .unwrap();
    assert_eq!(f.here.list_scopes().await.unwrap(), [scope]);

    assert!(f.here.load_keys().await.unwrap().is_empty());
    assert!(
        f.here
            .ensure_active_key(&key("a", SigningAlg::Es256), Effects::none())
            .await
            .unwrap()
    );
    assert_eq!(f.here.load_keys().await.unwrap().len(), 1);
}

fn key(kid: &str, alg: SigningAlg) -> StoredKey {
    StoredKey {
        kid: Kid::parse(kid).unwrap(),
        alg,
        state: KeyState::Active,
        public_jwk: "{}".to_owned(),
        private: SecretBytes::new(vec![1]),
        created_at: Timestamp::from_secs(0),
    }
}

#[tokio::test]
async fn scopes_and_keys_are_remembered_until_they_are_invalidated() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    let seen = async || {
        (
            f.here.list_scopes().await.unwrap().len(),
            f.here.load_keys().await.unwrap().len(),
        )
    };
    assert_eq!(seen().await, (0, 0));
    let scope = |name: &str| ScopeDefinition {
        name: name.to_owned(),
        description: String::new(),
        is_default: false,
    };
    f.elsewhere
        .seed_scopes(&[scope("a")], Effects::none())
        .await
        .unwrap();
    f.elsewhere
        .ensure_active_key(&key("a", SigningAlg::Es256), Effects::none())
        .await
        .unwrap();
    assert_eq!(seen().await, (0, 0));
    let (scopes, keys) = (
        Effects::none().invalidating(Topic::Scope, "b"),
        Effects::none().invalidating(Topic::Key, "b"),
    );
    f.elsewhere.seed_scopes(&[scope("b")], scopes).await.unwrap();
    f.poll().await.unwrap();
    assert_eq!(seen().await, (2, 0));
    f.elsewhere
        .ensure_active_key(&key("b", SigningAlg::Rs256), keys)
        .await
        .unwrap();
    f.poll().await.unwrap();
    assert_eq!(seen().await, (2, 2));
}

#[tokio::test]
async fn poll_from_another_place_begins_anew() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(invalidating()).await;
    // It does not hear of the change, and nothing old is believed because of it.
    let later = f.cache.invalidation_start().await.unwrap();
    assert!(f.cache.poll_invalidations(later).await.unwrap().items.is_empty());
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn what_a_poll_answers_is_forgotten_before_it_is_answered() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.here.load_keys().await.unwrap().is_empty());
    let told = Effects::none().invalidating(Topic::Key, "a");
    f.elsewhere
        .ensure_active_key(&key("a", SigningAlg::Es256), told)
        .await
        .unwrap();
    assert_eq!(f.poll().await.unwrap(), 1);
    assert_eq!(f.here.load_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn entry_that_comes_again_is_handed_on_once() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    f.storage.held_back.store(true, Ordering::SeqCst);
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1);
    assert_eq!(f.poll().await.unwrap(), 0, "seen before");
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1, "only the new one");
    f.storage.held_back.store(false, Ordering::SeqCst);
    assert_eq!(f.poll().await.unwrap(), 0);
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1);
    assert!(
        f.cache.shared.position.lock().unwrap().handed_on.len() <= 1,
        "bounded by one poll"
    );
}

#[test]
fn load_that_began_before_a_change_is_not_kept() {
    let tables = Tables::default();
    let ticket = tables.ticket();
    tables.forget(&Invalidation {
        topic: Topic::Client,
        key: "app".to_owned(),
    });
    tables.keep_client(ticket, &client());
    assert!(tables.client(&client().id).is_none());
    tables.keep_client(tables.ticket(), &client());
    assert!(tables.client(&client().id).is_some());
}

#[test]
fn number_of_clients_is_limited() {
    let tables = Tables::default();
    let named = |i: usize| Client {
        id: ClientId::parse(&format!("c{i}")).unwrap(),
        ..client()
    };
    for i in 0..=tables::CLIENTS_MAX {
        tables.keep_client(tables.ticket(), &named(i));
    }
    let kept = (0..=tables::CLIENTS_MAX).filter(|i| tables.client(&named(*i).id).is_some());
    assert_eq!(kept.count(), tables::CLIENTS_MAX);
    assert!(
        tables.client(&named(tables::CLIENTS_MAX).id).is_some(),
        "the newest is kept"
    );
}
