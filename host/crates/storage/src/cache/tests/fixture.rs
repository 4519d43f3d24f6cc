//! A cache before a database in memory, whose invalidation sequence can be cut off, and another node beside it.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use authly_core::{
    ClientId, Effects, Kid, Rng, ScopeSet, SecretBytes, StorageError, Topic,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client},
    key::{KeyState, SigningAlg, StoredKey},
};

use super::super::*;
use crate::{DatabaseConfig, Sealer};

pub struct HandClock(AtomicI64);
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
impl HandClock {
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis * 1_000, Ordering::SeqCst);
    }
}

/// Randomness of zeros, which whoever holds it makes the database wait for as it seals a key.
#[derive(Default)]
pub struct Zeros(pub Mutex<()>);
impl Rng for Zeros {
    fn fill(&self, dest: &mut [u8]) {
        let _turn = self.0.lock().unwrap();
        dest.fill(0);
    }
}

/// A storage whose invalidation sequence can be cut off, and whose cursor can be held back.
pub struct Switched {
    inner: Arc<dyn Storage>,
    pub cut: AtomicBool,
    pub held_back: AtomicBool,
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

pub struct Fixture {
    pub clock: Arc<HandClock>,
    pub zeros: Arc<Zeros>,
    pub storage: Arc<Switched>,
    pub cache: CachedStorage,
    /// The tenant through the cache.
    pub here: Arc<dyn TenantStorage>,
    /// The tenant as another node changes it.
    pub elsewhere: Arc<dyn TenantStorage>,
    cursor: Mutex<Option<InvalidationCursor>>,
}

impl Fixture {
    pub async fn new() -> Self {
        let zeros = Arc::new(Zeros::default());
        let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), Arc::clone(&zeros) as _).unwrap();
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
            zeros,
            storage,
            cache,
            here,
            elsewhere,
            cursor: Mutex::default(),
        }
    }

    /// A poll from where the last one ended, as a node's poller makes it.
    pub async fn poll(&self) -> StorageResult<usize> {
        let known = *self.cursor.lock().unwrap();
        let cursor = match known {
            Some(cursor) => cursor,
            None => self.cache.invalidation_start().await?,
        };
        let batch = self.cache.poll_invalidations(cursor).await?;
        *self.cursor.lock().unwrap() = Some(batch.cursor);
        Ok(batch.items.len())
    }

    pub async fn disable_elsewhere(&self, effects: Effects) {
        self.elsewhere
            .set_client_enabled(&client().id, false, effects)
            .await
            .unwrap();
    }

    pub async fn sees_enabled(&self) -> bool {
        self.here
            .load_client(&client().id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    }
}

pub fn client() -> Client {
    Client {
        id: ClientId::parse("app").unwrap(),
        name: "App".to_owned(),
        token_endpoint_auth_method: AuthMethod::None,
        secret_hash: None,
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        grant_types: Vec::new(),
        scopes: ScopeSet::default(),
        audiences: Vec::new(),
        introspection_audiences: Vec::new(),
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        version: 0,
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

pub fn invalidating() -> Effects {
    Effects::none().invalidating(Topic::Client, "app")
}

pub fn key(kid: &str, alg: SigningAlg) -> StoredKey {
    StoredKey {
        kid: Kid::parse(kid).unwrap(),
        alg,
        state: KeyState::Active,
        public_jwk: "{}".to_owned(),
        private: SecretBytes::new(vec![1]),
        created_at: Timestamp::from_secs(0),
        state_since: Timestamp::from_secs(0),
    }
}
