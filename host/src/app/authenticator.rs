//! The accounts room behind the protocol's login port.

use std::sync::Arc;

use async_trait::async_trait;
use authly_accounts::{Login, LoginError};
use authly_core::{RequestContext, SecretText, user::User};
use authly_oauth::interaction::{Authenticator, Refusal};

use crate::telemetry::Metrics;

/// Checks passwords, and counts how attempts end.
pub struct PasswordAuthenticator {
    login: Login,
    metrics: Arc<Metrics>,
}

impl PasswordAuthenticator {
    /// Over the login use case.
    pub fn new(login: Login, metrics: Arc<Metrics>) -> Self {
        Self { login, metrics }
    }
}

#[async_trait]
impl Authenticator for PasswordAuthenticator {
    async fn authenticate(
        &self,
        username: &str,
        password: SecretText,
        ctx: &RequestContext,
    ) -> Result<User, Refusal> {
        let result = self.login.authenticate(username, password, ctx).await;
        self.metrics.login_attempt(outcome(&result));
        result.map_err(|error| match error {
            LoginError::Rejected => Refusal::Rejected,
            LoginError::Delayed { until } => Refusal::Delayed { until },
            LoginError::Busy => Refusal::Busy,
            LoginError::Storage(error) => Refusal::Storage(error),
        })
    }
}

/// The label of the metric.
fn outcome(result: &Result<User, LoginError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(LoginError::Rejected) => "rejected",
        Err(LoginError::Delayed { .. }) => "delayed",
        Err(LoginError::Busy) => "busy",
        Err(LoginError::Storage(_)) => "unavailable",
    }
}
