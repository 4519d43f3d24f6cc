//! The login use case over the embedded database, watched so that its writes can be seen and its storage can fail.

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
    async fn load_user(&self, id: UserId) -> StorageResult<Option<User>> {
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

#[tokio::test]
async fn right_password_signs_in_under_any_spelling_of_the_name() {
    let f = Fixture::new().await;
    for name in ["alice", "ALICE", " Alice "] {
        assert_eq!(
            f.try_at(0, name, PASSWORD, "192.0.2.1").await.unwrap().id,
            f.alice.id,
            "{name}"
        );
    }
    assert_eq!(f.audited(), [], "the session's start is what is recorded");
}

#[tokio::test]
async fn every_failure_has_one_answer_and_one_record() {
    let f = Fixture::new().await;
    let no_password = NewUser {
        username: "nopass".to_owned(),
        ..NewUser::default()
    };
    let nopass = create_user(&*f.storage, &f.login.passwords, no_password, START, &f.rng)
        .await
        .unwrap();
    f.audited();
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    for (i, (name, password, person)) in [
        ("alice", "wrong password", Some(f.alice.pseudonym)),
        ("alice", long.as_str(), Some(f.alice.pseudonym)),
        ("nobody", PASSWORD, None),
        ("nopass", "", Some(nopass.pseudonym)),
        ("", PASSWORD, None),
        ("a\u{0}b", PASSWORD, None),
        (long.as_str(), PASSWORD, None),
    ]
    .into_iter()
    .enumerate()
    {
        let result = f.try_at(0, name, password, &format!("192.0.2.{i}")).await;
        assert!(is_rejected(&result), "{name:.9}: {result:?}");
        assert_eq!(f.audited(), [(AuditAction::LoginFailed, person)], "{name:.9}");
    }
}

#[tokio::test]
async fn disabled_person_is_rejected_like_a_wrong_password() {
    let f = Fixture::new().await;
    let done = f
        .storage
        .set_user_enabled(f.alice.id, false, START, Effects::none())
        .await;
    assert!(done.unwrap());
    assert!(is_rejected(&f.try_at(0, "alice", PASSWORD, "192.0.2.1").await));
    assert_eq!(f.audited(), [(AuditAction::LoginFailed, Some(f.alice.pseudonym))]);
}

#[tokio::test]
async fn account_is_delayed_after_its_free_failures_and_never_locked() {
    let f = Fixture::new().await;
    for i in 0..2 {
        assert!(is_rejected(&f.guess("alice", &format!("192.0.2.{i}")).await));
    }
    // The third failure is the first that costs.
    assert!(is_rejected(&f.guess("alice", "192.0.2.7").await));
    let right = f.try_at(9, "alice", PASSWORD, "192.0.2.8").await;
    assert_eq!(
        delay_of(&right),
        Some(10),
        "not even the right password is looked at"
    );
    assert!(
        f.try_at(10, "alice", PASSWORD, "192.0.2.8").await.is_ok(),
        "exactly at the end of the delay"
    );
    // Success forgets the account's failures.
    assert!(is_rejected(
        &f.try_at(10, "alice", "wrong password", "192.0.2.9").await
    ));
}

/// An account that an attacker at ever new addresses keeps delayed; the token of its owner's browser.
async fn under_attack() -> (Fixture, String) {
    let f = Fixture::new().await;
    let signed_in = f.try_from(None, 0, ("alice", PASSWORD), "192.0.2.1").await;
    let token = signed_in.unwrap().device.expose().to_owned();
    for i in 0..4 {
        f.guess("alice", &format!("198.51.100.{i}")).await.unwrap_err();
    }
    assert_eq!(delay_of(&f.guess("alice", "198.51.100.9").await), Some(10));
    (f, token)
}

#[tokio::test]
async fn owner_in_a_known_browser_is_not_delayed_by_strangers() {
    let (f, token) = under_attack().await;
    let owner = f
        .try_from(Some(&token), 0, ("ALICE", PASSWORD), "192.0.2.1")
        .await;
    assert_eq!(owner.unwrap().user.id, f.alice.id);
    // The owner's success does not forgive what others did.
    let elsewhere = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
    assert_eq!(delay_of(&elsewhere), Some(10));
}

#[tokio::test]
async fn known_browser_is_delayed_by_its_own_failures_alone() {
    let (f, token) = under_attack().await;
    for i in 0..3 {
        let address = format!("192.0.2.{i}");
        let wrong = f.try_from(Some(&token), 0, ("alice", "wrong"), &address).await;
        assert!(is_rejected(&wrong), "{wrong:?}");
    }
    let delayed = f
        .try_from(Some(&token), 0, ("alice", PASSWORD), "192.0.2.9")
        .await;
    assert_eq!(
        delay_of(&delayed),
        Some(10),
        "a stolen token is no way around the throttle"
    );
}

#[tokio::test]
async fn token_of_another_person_or_nobody_changes_nothing() {
    let (f, token) = under_attack().await;
    let new = NewUser {
        username: "bob".to_owned(),
        password: Some(SecretText::new(PASSWORD.to_owned())),
        ..NewUser::default()
    };
    create_user(&*f.storage, &f.login.passwords, new, START, &f.rng)
        .await
        .unwrap();
    let bob = f.try_from(Some(&token), 0, ("bob", PASSWORD), "192.0.2.1").await;
    let bobs = bob.unwrap().device;
    for presented in [bobs.expose(), "", "forged", &token[1..]] {
        let result = f
            .try_from(Some(presented), 0, ("alice", PASSWORD), "192.0.2.1")
            .await;
        assert_eq!(delay_of(&result), Some(10), "{presented}");
    }
    // An unknown name with a token is delayed like any other.
    let mut delays = Vec::new();
    for i in 0..4 {
        let address = format!("203.0.113.{i}");
        delays.push(delay_of(
            &f.try_from(Some(&token), 0, ("nobody", "x"), &address).await,
        ));
    }
    assert_eq!(delays, [None, None, None, Some(10)]);
}

#[tokio::test]
async fn asking_during_a_delay_counts_against_the_address() {
    let (f, _) = under_attack().await;
    for _ in 0..5 {
        assert_eq!(delay_of(&f.guess("alice", "192.0.2.7").await), Some(10));
    }
    let other = f.try_at(9, "nobody", "x", "192.0.2.7").await;
    assert_eq!(delay_of(&other), Some(10), "four are free, the fifth costs");
    // Not for the account: its delay does not grow.
    assert!(f.try_at(10, "alice", PASSWORD, "192.0.2.8").await.is_ok());
}

#[tokio::test]
async fn unknown_name_is_delayed_like_a_known_one() {
    let f = Fixture::new().await;
    for name in ["alice", "nobody"] {
        let mut delays = Vec::new();
        for i in 0..5 {
            delays.push(delay_of(&f.guess(name, &format!("2001:db8:0:{i}::1")).await));
        }
        assert_eq!(delays, [None, None, None, Some(10), Some(10)], "{name}");
    }
}

#[tokio::test]
async fn address_is_delayed_over_many_names_and_success_does_not_clear_it() {
    let f = Fixture::new().await;
    for i in 0..4 {
        assert!(is_rejected(&f.guess(&format!("name{i}"), "2001:db8::1").await));
    }
    // A good login in between is not a failure, and forgives none.
    assert!(f.try_at(0, "alice", PASSWORD, "2001:db8::2").await.is_ok());
    assert!(is_rejected(&f.guess("name5", "2001:db8::3").await));
    assert_eq!(delay_of(&f.guess("name6", "2001:db8::4").await), Some(10));
    assert_eq!(
        delay_of(&f.guess("name6", "2001:db8:0:1::4").await),
        None,
        "another /64"
    );
}

#[tokio::test]
async fn parallel_guesses_do_not_outrun_the_count() {
    let f = Fixture::new().await;
    let addresses: Vec<String> = (0..20).map(|i| format!("192.0.2.{i}")).collect();
    let guesses: Vec<_> = addresses
        .iter()
        .map(|address| Box::pin(f.guess("alice", address)))
        .collect();
    let mut hashed = 0;
    for result in join_all(guesses).await {
        hashed += usize::from(is_rejected(&result));
    }
    assert_eq!(
        hashed, 3,
        "two free ones and the first that costs; the others were not checked"
    );
}

/// Polls all of them in turn until each is done.
async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results = Vec::new();
    std::future::poll_fn(|cx| {
        futures.retain_mut(|future| match std::pin::Pin::new(future).poll(cx) {
            std::task::Poll::Ready(result) => {
                results.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if futures.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    results
}

#[tokio::test]
async fn outage_is_no_rejection_and_counts_nothing() {
    let f = Fixture::new().await;
    f.storage.cut_load.store(true, Ordering::Relaxed);
    for _ in 0..10 {
        let result = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
        assert!(
            matches!(result, Err(LoginError::Storage(StorageError::Unavailable(_)))),
            "{result:?}"
        );
    }
    f.storage.cut_load.store(false, Ordering::Relaxed);
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn outage_at_the_last_step_lets_nobody_in_and_rejects_nobody() {
    let f = Fixture::new().await;
    f.storage.cut_settle.store(true, Ordering::Relaxed);
    for password in [PASSWORD, "wrong password"] {
        let result = f.try_at(0, "alice", password, "192.0.2.1").await;
        assert!(matches!(result, Err(LoginError::Storage(_))), "{result:?}");
    }
}

#[tokio::test]
async fn right_password_whose_browser_went_away_is_no_failure() {
    let f = Fixture::new().await;
    for _ in 0..4 {
        let mut attempt = Box::pin(f.try_at(0, "alice", PASSWORD, "192.0.2.1"));
        tokio::select! {
            biased;
            result = &mut attempt => panic!("the password was checked before the browser went away: {result:?}"),
            () = f.storage.reserved.notified() => drop(attempt),
        }
        let settled = timeout(Duration::from_secs(30), f.storage.settled.notified()).await;
        assert!(settled.is_ok(), "the reservation stays counted");
    }
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn full_queue_is_busy_and_counts_nothing() {
    let mut f = Fixture::new().await;
    let real = std::mem::replace(&mut f.login.passwords, Arc::new(PasswordPool::new(1, 0).unwrap()));
    for _ in 0..10 {
        let result = f.try_at(0, "alice", PASSWORD, "192.0.2.1").await;
        assert!(matches!(result, Err(LoginError::Busy)), "{result:?}");
    }
    f.login.passwords = real;
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn made_account_is_recorded_under_a_pseudonym_of_its_own() {
    let f = Fixture::new().await;
    let new = NewUser {
        username: "bob".to_owned(),
        ..NewUser::default()
    };
    let bob = create_user(&*f.storage, &f.login.passwords, new, START, &f.rng)
        .await
        .unwrap();
    assert_eq!(f.audited(), [(AuditAction::UserCreated, Some(bob.pseudonym))]);
    assert_ne!(bob.pseudonym, bob.id.as_uuid());
    assert_eq!(f.storage.load_user(bob.id).await.unwrap(), Some(bob));
}

#[tokio::test]
async fn unverified_person_is_rejected_like_a_wrong_password_where_verification_is_required() {
    let mut f = Fixture::new().await;
    f.login = f.login.clone().requiring_verified(true);
    assert!(is_rejected(&f.try_at(0, "alice", PASSWORD, "192.0.2.1").await));
    assert_eq!(f.audited(), [(AuditAction::LoginFailed, Some(f.alice.pseudonym))]);
    let verified = User {
        verified: true,
        ..f.alice.clone()
    };
    f.storage.update_user(&verified, Effects::none()).await.unwrap();
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

const NEW: &str = "nine geese cross a bridge";

impl Fixture {
    /// Alice changes her password.
    async fn change_at(&self, seconds: i64, current: &str, new: &str) -> Result<Ended, ChangePasswordError> {
        let change = OwnPassword {
            user_id: self.alice.id,
            current: SecretText::new(current.to_owned()),
            new: SecretText::new(new.to_owned()),
            ends: PasswordEnds::Others { keep: None },
        };
        let ctx = RequestContext {
            request_id: "request".to_owned(),
            client_ip: "192.0.2.1".parse().unwrap(),
            user_agent: None,
            now: Timestamp::from_secs(START.as_secs() + seconds),
        };
        let rng: Arc<dyn Rng> = Arc::new(Counter(AtomicU8::new(100)));
        self.login.change_password(change, &rng, &ctx).await
    }
}

#[tokio::test]
async fn changed_password_replaces_the_one_before() {
    let f = Fixture::new().await;
    let before = f
        .try_from(None, 0, ("alice", PASSWORD), "192.0.2.1")
        .await
        .unwrap();
    assert_eq!(f.change_at(1, PASSWORD, NEW).await.unwrap(), Ended::default());
    assert_eq!(
        f.audited(),
        [(AuditAction::PasswordChanged, Some(f.alice.pseudonym))]
    );
    assert!(is_rejected(&f.try_at(2, "alice", PASSWORD, "192.0.2.1").await));
    let user = f.try_at(2, "alice", NEW, "192.0.2.1").await.unwrap();
    assert_eq!(user.password_changed_at, Some(START.plus(Duration::from_secs(1))));
    // Two failures of the account, after which one from a known browser would still be looked at.
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    assert!(is_rejected(&f.guess("alice", "192.0.2.2").await));
    let device = before.device.expose();
    let known = f.try_from(Some(device), 0, ("alice", NEW), "192.0.2.1").await;
    assert!(delay_of(&known).is_some(), "the browser is unknown now");
}

#[tokio::test]
async fn wrong_current_password_is_a_failed_attempt_and_is_throttled() {
    let f = Fixture::new().await;
    for _ in 0..3 {
        let result = f.change_at(0, "wrong password", NEW).await;
        assert!(
            matches!(result, Err(ChangePasswordError::WrongPassword)),
            "{result:?}"
        );
    }
    let refused = (AuditAction::PasswordChangeRefused, Some(f.alice.pseudonym));
    assert_eq!(f.audited(), [refused.clone(), refused.clone(), refused]);
    let result = f.change_at(0, PASSWORD, NEW).await;
    assert!(
        matches!(result, Err(ChangePasswordError::Delayed { .. })),
        "{result:?}"
    );
    // The login page counts with it, and a right password clears the count.
    assert!(delay_of(&f.try_at(0, "alice", PASSWORD, "192.0.2.9").await).is_some());
    assert!(f.change_at(3_600, PASSWORD, NEW).await.is_ok());
    assert!(f.try_at(3_600, "alice", NEW, "192.0.2.9").await.is_ok());
}

#[tokio::test]
async fn new_password_meets_the_policy_and_is_another_one() {
    let f = Fixture::new().await;
    for (new, why) in [
        (PASSWORD, PasswordRefusal::Same),
        ("alicealice", PasswordRefusal::OwnName),
        ("short", PasswordRefusal::Short { length_min: 8 }),
        ("password1", PasswordRefusal::Guessable),
    ] {
        let result = f.change_at(0, PASSWORD, new).await;
        assert!(
            matches!(result, Err(ChangePasswordError::Refused(refusal)) if refusal == why),
            "{new}: {result:?}"
        );
    }
    assert!(f.try_at(0, "alice", PASSWORD, "192.0.2.1").await.is_ok());
}

#[tokio::test]
async fn outage_changes_no_password_and_counts_nothing() {
    let f = Fixture::new().await;
    f.storage.cut_load.store(true, Ordering::Relaxed);
    for _ in 0..4 {
        let result = f.change_at(0, PASSWORD, NEW).await;
        assert!(
            matches!(result, Err(ChangePasswordError::Storage(_))),
            "{result:?}"
        );
    }
    f.storage.cut_load.store(false, Ordering::Relaxed);
    assert!(f.change_at(0, PASSWORD, NEW).await.is_ok());
}
