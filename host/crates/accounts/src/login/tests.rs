//! The login use case over the embedded database, watched so that its writes can be seen and its storage can fail.

mod attempts;
mod change_password;
mod throttle;

use std::{
    net::IpAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use authly_core::{
    Rng, SecretBytes, TenantId, UserId,
    ports::{Ended, Page, PasswordChange, PasswordEnds, PasswordOutcome, StorageResult, UpdateOutcome},
};
use authly_storage::{DatabaseConfig, Sealer};
use tokio::{sync::Notify, time::timeout};

use super::*;
use crate::{
    PasswordRefusal,
    users::{NewUser, create_user},
};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const PASSWORD: &str = "correct horse battery";

/// Bytes that differ from call to call.
struct Counter(AtomicU8);
impl Rng for Counter {
    fn fill(&self, dest: &mut [u8]) {
        for byte in dest {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The real storage, with a look at what passes and a switch that cuts it.
struct Watched {
    inner: Arc<dyn TenantStorage>,
    cut_load: AtomicBool,
    cut_settle: AtomicBool,
    reserved: Notify,
    settled: Notify,
    audit: Mutex<Vec<AuditEvent>>,
}

impl Watched {
    fn answer(cut: &AtomicBool) -> StorageResult<()> {
        if cut.load(Ordering::Relaxed) {
            return Err(StorageError::Unavailable("cut".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl UserStore for Watched {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<Arc<User>>> {
        self.inner.load_user(id).await
    }
    async fn load_login(&self, name: &str) -> StorageResult<Option<LoginRecord>> {
        Self::answer(&self.cut_load)?;
        self.inner.load_login(name).await
    }
    async fn list_users(&self, page: &Page) -> StorageResult<Vec<User>> {
        self.inner.list_users(page).await
    }
    async fn create_user(
        &self,
        user: &User,
        hash: Option<&SecretText>,
        effects: Effects,
    ) -> StorageResult<()> {
        self.audit.lock().unwrap().extend(effects.audit.clone());
        self.inner.create_user(user, hash, effects).await
    }
    async fn load_credentials(&self, id: UserId) -> StorageResult<Option<LoginRecord>> {
        Self::answer(&self.cut_load)?;
        self.inner.load_credentials(id).await
    }
    async fn update_user(&self, user: &User, effects: Effects) -> StorageResult<UpdateOutcome> {
        self.inner.update_user(user, effects).await
    }
    async fn set_password(&self, change: PasswordChange, effects: Effects) -> StorageResult<PasswordOutcome> {
        self.audit.lock().unwrap().extend(effects.audit.clone());
        self.inner.set_password(change, effects).await
    }
    async fn delete_user(&self, id: UserId, effects: Effects) -> StorageResult<bool> {
        self.inner.delete_user(id, effects).await
    }
    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        e: Effects,
    ) -> StorageResult<bool> {
        self.inner.set_user_enabled(id, enabled, now, e).await
    }
}

#[async_trait]
impl ThrottleStore for Watched {
    async fn reserve_attempt(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome> {
        let outcome = self.inner.reserve_attempt(keys, now).await;
        self.reserved.notify_one();
        outcome
    }
    async fn settle_attempt(
        &self,
        release: &[ThrottleKey],
        clear: &[ThrottleKey],
        effects: Effects,
    ) -> StorageResult<()> {
        Self::answer(&self.cut_settle)?;
        self.audit.lock().unwrap().extend(effects.audit.clone());
        let outcome = self.inner.settle_attempt(release, clear, effects).await;
        self.settled.notify_one();
        outcome
    }
}

struct Fixture {
    storage: Arc<Watched>,
    login: Login,
    alice: User,
    rng: Counter,
}

impl Fixture {
    /// Alice, and policies small enough to cross: two free failures an account, four an address.
    async fn new() -> Self {
        let rng: Arc<dyn Rng> = Arc::new(Counter(AtomicU8::new(0)));
        let sealer = Sealer::new(&SecretBytes::new(vec![7; 32]), Arc::clone(&rng)).unwrap();
        let devices = Devices::new(&SecretBytes::new(vec![8; 32]), rng);
        let database = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        let storage = Arc::new(Watched {
            inner: database.tenant(&TenantId::default_tenant()),
            cut_load: AtomicBool::new(false),
            cut_settle: AtomicBool::new(false),
            reserved: Notify::new(),
            settled: Notify::new(),
            audit: Mutex::default(),
        });
        let passwords = Arc::new(PasswordPool::new(1, 30).unwrap());
        let rng = Counter(AtomicU8::new(1));
        let new = NewUser {
            username: " Alice ".to_owned(),
            password: Some(SecretText::new(PASSWORD.to_owned())),
            ..NewUser::default()
        };
        let alice = create_user(&*storage, &passwords, new, START, &rng)
            .await
            .unwrap();
        storage.audit.lock().unwrap().clear();
        let policy = |free_failures| ThrottlePolicy {
            free_failures,
            base_delay: Duration::from_secs(10),
            max_delay: Duration::from_secs(40),
            forget_after: Duration::from_hours(1),
        };
        let login = Login {
            users: Arc::clone(&storage) as _,
            throttle: Arc::clone(&storage) as _,
            passwords,
            policies: ThrottlePolicies {
                account: policy(2),
                address: policy(4),
            },
            devices,
            require_verified: false,
        };
        Self {
            storage,
            login,
            alice,
            rng,
        }
    }

    async fn try_at(
        &self,
        seconds: i64,
        name: &str,
        password: &str,
        address: &str,
    ) -> Result<User, LoginError> {
        let signed_in = self.try_from(None, seconds, (name, password), address).await;
        signed_in.map(|signed_in| signed_in.user)
    }

    /// From a browser that sends this token.
    async fn try_from(
        &self,
        device: Option<&str>,
        seconds: i64,
        (username, password): (&str, &str),
        address: &str,
    ) -> Result<SignedIn, LoginError> {
        let ctx = RequestContext {
            request_id: "request".to_owned(),
            client_ip: address.parse::<IpAddr>().unwrap(),
            user_agent: None,
            now: Timestamp::from_secs(START.as_secs() + seconds),
        };
        let credentials = Credentials {
            username,
            password: &SecretText::new(password.to_owned()),
            device,
        };
        self.login.authenticate(credentials, &ctx).await
    }

    async fn guess(&self, name: &str, address: &str) -> Result<User, LoginError> {
        self.try_at(0, name, "wrong password", address).await
    }

    fn audited(&self) -> Vec<(AuditAction, Option<uuid::Uuid>)> {
        self.storage
            .audit
            .lock()
            .unwrap()
            .drain(..)
            .map(|event| (event.action, event.pseudonym))
            .collect()
    }
}

fn is_rejected<T>(result: &Result<T, LoginError>) -> bool {
    matches!(result, Err(LoginError::Rejected))
}

fn delay_of<T>(result: &Result<T, LoginError>) -> Option<i64> {
    match result {
        Err(LoginError::Delayed { until }) => Some(until.as_secs() - START.as_secs()),
        _ => None,
    }
}
