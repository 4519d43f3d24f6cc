//! ID tokens that come back as `id_token_hint`: they say whom a client means, and open nothing (OIDC Core §3.1.2.1,
//! RP-Initiated Logout §2).

use authly_core::{ClientId, SessionId, Timestamp};
use authly_jose::{JwtError, UnverifiedJwt};
use uuid::Uuid;

use crate::{Provider, id_token};

/// What an ID token of ours said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// `sub`.
    pub subject: String,
    /// `aud`: whom it was issued to. Whether that is who shows it is the caller's to check.
    pub client_id: ClientId,
    /// `sid`, if it has one.
    pub session_id: Option<SessionId>,
}

/// Why a hint is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// Not a token of ours, or of another type.
    #[error("the hint is not an ID token of this server")]
    Token(#[source] JwtError),
    /// Signed by us, but not as our ID tokens are.
    #[error("the hint lacks what an ID token of this server has")]
    Shape,
}

/// Verifies a hint: our signature by any published key, our `iss`, the type of an ID token. Its end may be past, for
/// the session it speaks of outlives it.
///
/// # Errors
/// [`HintError`]; an access token is never a hint.
///
/// Spec: OIDC Core §3.1.2.1, RP-Initiated Logout §2 and §4.
pub fn verify(provider: &Provider, hint: &str, now: Timestamp) -> Result<Hint, HintError> {
    let issuer = provider.issuer.as_str();
    let token = UnverifiedJwt::parse(hint)
        .and_then(|token| token.verify_hint(&provider.keys.load(), id_token::TYP, issuer, now))
        .map_err(HintError::Token)?;
    let client_id = token.text("aud").and_then(|aud| ClientId::parse(aud).ok());
    let session_id = match token.claims().get("sid") {
        None => None,
        Some(sid) => Some(session_id(sid.as_str()).ok_or(HintError::Shape)?),
    };
    Ok(Hint {
        subject: token.text("sub").ok_or(HintError::Shape)?.to_owned(),
        client_id: client_id.ok_or(HintError::Shape)?,
        session_id,
    })
}

fn session_id(text: Option<&str>) -> Option<SessionId> {
    Uuid::parse_str(text?).ok().map(SessionId::from_uuid)
}
