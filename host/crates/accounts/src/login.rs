//! Signing in with a password.
//!
//! 1. Load the account; an absent one goes on like a present one.
//! 2. Reserve the attempt: counted as a failure in advance, so that parallel guesses cannot outrun the count. A browser
//!    in which this person signed in before has a count of its own, so that strangers who guess delay each other and
//!    not the owner.
//! 3. Hash: the same work whether the account exists, is disabled, or has no password.
//! 4. Settle: a success takes the failure back, a failure leaves it and is recorded.
//!
//! An attempt runs to its end when nobody waits for it any more: a browser that goes away between steps 2 and 4 would
//! leave a right password counted as a failure.
//!
//! Whatever is not an answer (an outage, a full queue) takes the reservation back and is never a rejection.

use std::sync::Arc;

use authly_core::{
    AuditAction, AuditEvent, Effects, RequestContext, SecretText, StorageError, Timestamp,
    ports::{ReserveOutcome, TenantStorage, ThrottleKey, ThrottlePolicy, ThrottleStore, UserStore},
    user::{LoginRecord, User, normalize_username},
};
use tracing::Instrument as _;

pub use self::{
    change_password::{ChangePasswordError, OwnPassword},
    renew_password::RenewedPassword,
};

use crate::{
    devices::Devices,
    passwords::{PasswordError, PasswordPool},
    policy::PASSWORD_BYTES_MAX,
    throttle::{ThrottlePolicies, account_key, address_key, device_key},
    users::is_username,
};

mod change_password;
mod renew_password;

/// What a browser sends to prove who is in front of it.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// As typed.
    pub username: &'a str,
    /// As typed.
    pub password: &'a SecretText,
    /// The token of [`SignedIn::device`], if the browser has one, unchecked.
    pub device: Option<&'a str>,
}

/// A person who proved who they are.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// For the browser to keep for [`DEVICE_TOKEN_TTL`](crate::devices::DEVICE_TOKEN_TTL) and to send with later
    /// attempts: base64url.
    pub device: SecretText,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Wrong name or password, an account that is disabled, or not verified where it must be: one answer for all
    /// (RFC 6819 §5.1.4.2.3).
    #[error("the user name or the password is wrong")]
    Rejected,
    /// Too many failures: not before `until`. Nothing was checked.
    #[error("too many failed attempts")]
    Delayed {
        /// The earliest time of the next attempt.
        until: Timestamp,
    },
    /// Too many logins at once: 503, nothing was counted.
    #[error("too many logins at once")]
    Busy,
    /// Storage could not answer, or what it holds is unusable.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Authenticates people of one tenant.
#[derive(Clone)]
pub struct Login {
    users: Arc<dyn UserStore>,
    throttle: Arc<dyn ThrottleStore>,
    passwords: Arc<PasswordPool>,
    policies: ThrottlePolicies,
    devices: Devices,
    require_verified: bool,
}

impl Login {
    /// Over the tenant's storage, the pool that verifies passwords, how failures are throttled, and what knows
    /// browsers again.
    pub fn new(
        storage: Arc<dyn TenantStorage>,
        passwords: Arc<PasswordPool>,
        policies: ThrottlePolicies,
        devices: Devices,
    ) -> Self {
        Self {
            users: Arc::clone(&storage) as _,
            throttle: storage,
            passwords,
            policies,
            devices,
            require_verified: false,
        }
    }

    /// Whether an account that nobody verified is refused, as a disabled one is.
    #[must_use]
    pub fn requiring_verified(mut self, require_verified: bool) -> Self {
        self.require_verified = require_verified;
        self
    }

    /// Authenticates a person by name and password. Starting a session, with its audit event, is the caller's.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn authenticate(
        &self,
        credentials: Credentials<'_>,
        ctx: &RequestContext,
    ) -> Result<SignedIn, LoginError> {
        let (login, ctx) = (self.clone(), ctx.clone());
        let (username, password) = (credentials.username.to_owned(), credentials.password.clone());
        let device = credentials.device.map(str::to_owned);
        let attempt = async move {
            let credentials = Credentials {
                username: &username,
                password: &password,
                device: device.as_deref(),
            };
            login.attempt(credentials, &ctx).await
        };
        to_its_end(attempt).await.unwrap_or(Err(LoginError::Busy))
    }

    /// Steps 1 to 4.
    async fn attempt(
        &self,
        credentials: Credentials<'_>,
        ctx: &RequestContext,
    ) -> Result<SignedIn, LoginError> {
        let name = normalize_username(credentials.username);
        let record = self.load(&name).await?;
        let keys = self.keys(&name, record.as_ref(), credentials.device, ctx);
        self.reserve(keys, ctx.now).await?;
        match self.check(record.as_ref(), credentials.password).await {
            Ok(true) => self.succeed(record, keys, ctx.now).await,
            Ok(false) => self.fail(record.as_ref(), ctx).await,
            Err(error) => {
                self.release(keys).await;
                Err(error)
            }
        }
    }

    /// Step 1.
    async fn load(&self, name: &str) -> Result<Option<LoginRecord>, LoginError> {
        if !is_username(name) {
            // Nobody can have this name; the rest goes on as if somebody might.
            return Ok(None);
        }
        self.users.load_login(name).await.map_err(LoginError::Storage)
    }

    /// What the attempt is counted under: the account, or this browser of its owner's, and the address.
    fn keys(
        &self,
        name: &str,
        record: Option<&LoginRecord>,
        device: Option<&str>,
        ctx: &RequestContext,
    ) -> [ThrottleKey; 2] {
        let known = device
            .zip(record)
            .and_then(|(token, record)| self.devices.check(token, &record.user, ctx.now));
        let account = known.map_or_else(|| account_key(name), |device| device_key(name, device));
        [account, address_key(ctx.client_ip)]
    }

    /// Step 2.
    async fn reserve(&self, [account, address]: [ThrottleKey; 2], now: Timestamp) -> Result<(), LoginError> {
        let account = (account, self.policies.account);
        let address = (address, self.policies.address);
        match self.reserve_on(&[account, address], now).await? {
            ReserveOutcome::Admitted => Ok(()),
            ReserveOutcome::Delayed { until } => {
                // The address pays for asking before its time, or it could ask without a pause and take the account's
                // next attempt the moment there is one.
                let later = match self.reserve_on(&[address], now).await? {
                    ReserveOutcome::Admitted => until,
                    ReserveOutcome::Delayed { until: later } => later.max(until),
                };
                Err(LoginError::Delayed { until: later })
            }
        }
    }

    async fn reserve_on(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> Result<ReserveOutcome, LoginError> {
        self.throttle
            .reserve_attempt(keys, now)
            .await
            .map_err(LoginError::Storage)
    }

    /// Step 3: whether the person is let in. Without an account the same work is done.
    async fn check(&self, record: Option<&LoginRecord>, password: &SecretText) -> Result<bool, LoginError> {
        let hash = record.and_then(|record| record.password_hash.clone());
        // A password nobody can have set, so that its length buys no work.
        let too_long = password.expose().len() > PASSWORD_BYTES_MAX;
        let (password, hash) = if too_long {
            (SecretText::new(String::new()), None)
        } else {
            (password.clone(), hash)
        };
        let right = self
            .passwords
            .verify(password, hash)
            .await
            .map_err(|error| match error {
                PasswordError::Busy => LoginError::Busy,
                PasswordError::Failed => {
                    LoginError::Storage(StorageError::Corrupt("a password hash cannot be used".to_owned()))
                }
            })?;
        Ok(right && record.is_some_and(|record| self.admits(&record.user)))
    }

    /// Whether the person may sign in at all.
    fn admits(&self, user: &User) -> bool {
        user.enabled && (user.verified || !self.require_verified)
    }

    /// Step 4, success. From a known browser it says nothing about the failures of others, which stay counted.
    async fn succeed(
        &self,
        record: Option<LoginRecord>,
        [account, address]: [ThrottleKey; 2],
        now: Timestamp,
    ) -> Result<SignedIn, LoginError> {
        self.throttle
            .settle_attempt(&[address], &[account], Effects::none())
            .await
            .map_err(LoginError::Storage)?;
        let user = record.map(|record| record.user).ok_or(LoginError::Rejected)?;
        let device = self.devices.issue(&user, now);
        Ok(SignedIn { user, device })
    }

    /// Step 4, failure. A name nobody has is recorded too, without a person: otherwise the missing write would tell,
    /// by time, which accounts exist.
    async fn fail(&self, record: Option<&LoginRecord>, ctx: &RequestContext) -> Result<SignedIn, LoginError> {
        let mut event = AuditEvent::of(ctx, AuditAction::LoginFailed);
        event.pseudonym = record.map(|record| record.user.pseudonym);
        self.throttle
            .settle_attempt(&[], &[], Effects::audited(event))
            .await
            .map_err(LoginError::Storage)?;
        Err(LoginError::Rejected)
    }

    /// Takes the reservation back where no answer was found. If storage is away it stays counted: safe, and the
    /// caller hears of the first error.
    async fn release(&self, keys: [ThrottleKey; 2]) {
        if let Err(error) = self.throttle.settle_attempt(&keys, &[], Effects::none()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a login reservation could not be taken back"
            );
        }
    }
}

/// Runs an attempt to its end although its caller goes away; `None` when the server is going down.
async fn to_its_end<T: Send + 'static>(attempt: impl Future<Output = T> + Send + 'static) -> Option<T> {
    // Whoever drops the handle does not stop the task.
    match tokio::spawn(attempt.in_current_span()).await {
        Ok(answer) => Some(answer),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests;
