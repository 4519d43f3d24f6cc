//! The accounts room behind the protocol's login port.

use std::sync::Arc;

use async_trait::async_trait;
use authly_accounts::{
    ChangePasswordError, Credentials, Devices, Login, LoginError, PasswordPool, PasswordRefusal,
    RenewedPassword,
};
use authly_core::{
    PlainToken, RequestContext, Rng, SecretBytes, SecretText, interaction::PasswordProof,
    ports::TenantStorage, user::User,
};
use authly_oauth::interaction::{Authenticated, Authenticator, NewPasswordRefusal, PasswordAttempt, Refusal};
use aws_lc_rs::hmac;

use super::World;
use crate::{config::Config, telemetry::Metrics};

/// Checks passwords, and counts how attempts end.
pub struct PasswordAuthenticator {
    login: Login,
    rng: Arc<dyn Rng>,
    metrics: Arc<Metrics>,
}

impl PasswordAuthenticator {
    /// Over the tenant's accounts. `encryption_key` is the server's, from which the key of known browsers is derived.
    pub fn new(
        config: &Config,
        encryption_key: &SecretBytes,
        (tenant, passwords): (Arc<dyn TenantStorage>, Arc<PasswordPool>),
        world: &World,
        metrics: Arc<Metrics>,
    ) -> Self {
        let devices = Devices::new(&device_key(encryption_key), Arc::clone(&world.rng));
        let login = Login::new(tenant, passwords, config.login.throttle, devices)
            .requiring_verified(config.accounts.require_verified);
        let rng = Arc::clone(&world.rng);
        Self { login, rng, metrics }
    }

    /// What it checks passwords with.
    pub fn login(&self) -> Login {
        self.login.clone()
    }
}

#[async_trait]
impl Authenticator for PasswordAuthenticator {
    async fn authenticate(
        &self,
        attempt: PasswordAttempt<'_>,
        ctx: &RequestContext,
    ) -> Result<Authenticated, Refusal> {
        let credentials = Credentials {
            username: attempt.username,
            password: attempt.password,
            device: attempt.device.map(PlainToken::expose),
        };
        let result = self.login.authenticate(credentials, ctx).await;
        self.metrics.login_attempt(outcome(&result));
        match result {
            Ok(signed_in) => Ok(Authenticated {
                user: Arc::new(signed_in.user),
                device: signed_in.device,
            }),
            Err(LoginError::Rejected) => Err(Refusal::Rejected),
            Err(LoginError::Delayed { until }) => Err(Refusal::Delayed { until }),
            Err(LoginError::Busy) => Err(Refusal::Busy),
            Err(LoginError::Storage(error)) => Err(Refusal::Storage(error)),
        }
    }

    async fn renew_password(
        &self,
        proof: &PasswordProof,
        new: &SecretText,
        ctx: &RequestContext,
    ) -> Result<User, NewPasswordRefusal> {
        let renewed = RenewedPassword {
            user_id: proof.user_id,
            proved: proof.password_changed_at,
            new: new.clone(),
        };
        let result = self.login.renew_password(renewed, &self.rng, ctx).await;
        result.map_err(new_password_refusal)
    }
}

/// What the form says about a password that was not set.
fn new_password_refusal(error: ChangePasswordError) -> NewPasswordRefusal {
    match error {
        ChangePasswordError::Refused(PasswordRefusal::Short { length_min }) => {
            NewPasswordRefusal::Short { length_min }
        }
        ChangePasswordError::Refused(PasswordRefusal::Long) => NewPasswordRefusal::Long,
        ChangePasswordError::Refused(PasswordRefusal::OwnName) => NewPasswordRefusal::OwnName,
        ChangePasswordError::Refused(PasswordRefusal::Guessable) => NewPasswordRefusal::Guessable,
        ChangePasswordError::Refused(PasswordRefusal::Same) => NewPasswordRefusal::Same,
        ChangePasswordError::Stale | ChangePasswordError::Unknown | ChangePasswordError::WrongPassword => {
            NewPasswordRefusal::Stale
        }
        ChangePasswordError::Busy | ChangePasswordError::Delayed { .. } => NewPasswordRefusal::Busy,
        ChangePasswordError::Storage(error) => NewPasswordRefusal::Storage(error),
    }
}

/// Knows browsers again. Derived, so that the key that seals data is used for nothing else, and every node has it.
fn device_key(encryption_key: &SecretBytes) -> SecretBytes {
    let key = hmac::Key::new(hmac::HMAC_SHA256, encryption_key.expose());
    SecretBytes::new(hmac::sign(&key, b"authly known browsers v1").as_ref().to_vec())
}

/// The label of the metric.
fn outcome<T>(result: &Result<T, LoginError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(LoginError::Rejected) => "rejected",
        Err(LoginError::Delayed { .. }) => "delayed",
        Err(LoginError::Busy) => "busy",
        Err(LoginError::Storage(_)) => "unavailable",
    }
}
