//! From a password to a session, the same wherever a person signs in.

use authly_core::{ClientId, PlainToken, RequestContext, SecretText, StorageError};

use super::login::{Authenticated, Authenticator, PasswordAttempt, Refusal};
use crate::{
    Provider,
    session::{self, NewSession, SignedIn},
};

/// Somebody who wants to sign in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// What they prove it with.
    pub attempt: PasswordAttempt<'a>,
    /// [`NewSession::client_id`].
    pub client_id: Option<&'a ClientId>,
    /// [`NewSession::replaces`].
    pub replaces: Option<&'a PlainToken>,
}

/// A session that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    /// The session cookie's value.
    pub cookie: PlainToken,
    /// The session and its person.
    pub signed_in: SignedIn,
    /// [`Authenticated::device`].
    pub device: SecretText,
}

/// Checks the password and begins a session. What speaks against the person, whoever notices, is answered as a wrong
/// password is.
///
/// # Errors
/// [`StorageError`] when the session cannot begin; the one before has not ended then.
pub(crate) async fn sign_in(
    provider: &Provider,
    authenticator: &dyn Authenticator,
    arrival: Arrival<'_>,
    ctx: &RequestContext,
) -> Result<Result<Begun, Refusal>, StorageError> {
    let Authenticated { user, device } = match authenticator.authenticate(arrival.attempt, ctx).await {
        Ok(who) => who,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A session of a person who is not admitted would be none at the next step.
    if !provider.admits(&user) {
        return Ok(Err(Refusal::Rejected));
    }
    // No session with a password that somebody else knows.
    if user.requires_password_change {
        return Ok(Err(Refusal::NewPasswordDue(Box::new(Authenticated {
            user,
            device,
        }))));
    }
    let new = NewSession {
        user,
        client_id: arrival.client_id,
        replaces: arrival.replaces,
    };
    let begun = session::start(provider, new, ctx).await?;
    Ok(begun
        .map(|(cookie, signed_in)| Begun {
            cookie,
            signed_in,
            device,
        })
        .ok_or(Refusal::Rejected))
}
