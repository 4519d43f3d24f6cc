//! Step 1: the parameters of a request to sign out (RP-Initiated Logout §2).

use std::sync::Arc;

use authly_core::{ClientId, ErrorCode, OAuthError, RequestContext, StorageError, client::Client};
use url::form_urlencoded::Serializer;

use crate::{
    Params, Provider,
    authorize::PageReason,
    id_token_hint::{self, Hint},
};

/// The longest `id_token_hint`, in bytes: an ID token with many claims of plugins stays below.
pub const HINT_LENGTH_MAX: usize = 16 * 1024;
/// The longest `state`, in bytes: as at the authorization endpoint.
const STATE_LENGTH_MAX: usize = 2048;
/// The longest `logout_hint` and `ui_locales`, in bytes.
const TEXT_LENGTH_MAX: usize = 255;

/// Why a request is refused.
#[derive(Debug)]
pub enum Refused {
    /// It breaks a rule: the person sees a page, and the developer why.
    Page(PageReason, OAuthError),
    /// The database did not answer.
    Storage(StorageError),
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Where a person is sent afterwards: one of the client's `post_logout_redirect_uris`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterLogout {
    /// As registered, byte for byte.
    pub uri: String,
    /// Returned byte for byte, if it was sent.
    pub state: Option<String>,
}

impl AfterLogout {
    /// The whole URL (RP-Initiated Logout §3).
    pub fn location(&self) -> String {
        let Some(state) = &self.state else {
            return self.uri.clone();
        };
        // `+` for a space is right for form decoding only; %20 is right for every decoder, and a real plus is %2B.
        let query = Serializer::new(String::new())
            .append_pair("state", state)
            .finish()
            .replace('+', "%20");
        let separator = match self.uri.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{query}", self.uri)
    }
}

/// A request that breaks no rule.
#[derive(Clone, Debug)]
pub struct CheckedLogout {
    /// Who asks; `None`: nobody said.
    pub client: Option<Arc<Client>>,
    /// Whose session, by a verified ID token of the client.
    pub hint: Option<Hint>,
    /// Where the person is sent afterwards.
    pub after: Option<AfterLogout>,
    /// Languages for the pages.
    pub ui_locales: Vec<String>,
}

/// Checks a request to sign out.
///
/// # Errors
/// [`Refused`].
pub async fn check(
    provider: &Provider,
    params: &Params,
    ctx: &RequestContext,
) -> Result<CheckedLogout, Refused> {
    check_form(params).map_err(|error| Refused::Page(PageReason::Request, error))?;
    let hint = check_hint(provider, params, ctx)?;
    let client = check_client(provider, params, hint.as_ref().map(|hint| &hint.client_id)).await?;
    let after = check_redirect_uri(params, client.as_deref())?;
    let ui_locales = params.get("ui_locales").unwrap_or_default();
    Ok(CheckedLogout {
        client,
        hint,
        after,
        ui_locales: ui_locales.split_ascii_whitespace().map(str::to_owned).collect(),
    })
}

/// Each parameter once, and none endless.
fn check_form(params: &Params) -> Result<(), OAuthError> {
    params.check_no_duplicates()?;
    let is_longer = |name, max| params.get(name).is_some_and(|value: &str| value.len() > max);
    if is_longer("id_token_hint", HINT_LENGTH_MAX) {
        return Err(invalid("id_token_hint is longer than 16 KiB."));
    }
    if is_longer("state", STATE_LENGTH_MAX) {
        return Err(invalid("state is longer than 2048 bytes."));
    }
    if is_longer("logout_hint", TEXT_LENGTH_MAX) || is_longer("ui_locales", TEXT_LENGTH_MAX) {
        return Err(invalid("logout_hint and ui_locales may be 255 bytes long each."));
    }
    Ok(())
}

/// An ID token that this server issued, at its end or not (RP-Initiated Logout §4).
fn check_hint(provider: &Provider, params: &Params, ctx: &RequestContext) -> Result<Option<Hint>, Refused> {
    let Some(presented) = params.get("id_token_hint") else {
        return Ok(None);
    };
    id_token_hint::verify(provider, presented, ctx.now)
        .map(Some)
        .map_err(|error| {
            tracing::info!(
                error = &error as &dyn std::error::Error,
                "an id_token_hint is not believed"
            );
            let text = "id_token_hint is not an ID token that this server issued.";
            Refused::Page(PageReason::Request, invalid(text))
        })
}

/// The client that the request or its hint names; both must name the same (RP-Initiated Logout §2).
async fn check_client(
    provider: &Provider,
    params: &Params,
    hinted: Option<&ClientId>,
) -> Result<Option<Arc<Client>>, Refused> {
    let unknown = || {
        let text = "No client has this client_id, or it is disabled.";
        Refused::Page(
            PageReason::Client,
            OAuthError::new(ErrorCode::InvalidClient, text),
        )
    };
    let named = match params.get("client_id") {
        Some(text) => Some(ClientId::parse(text).map_err(|_| unknown())?),
        None => None,
    };
    if let (Some(named), Some(hinted)) = (&named, hinted)
        && named != hinted
    {
        let text = "client_id is not the one that id_token_hint was issued to.";
        return Err(Refused::Page(PageReason::Request, invalid(text)));
    }
    let Some(id) = named.as_ref().or(hinted) else {
        return Ok(None);
    };
    let client = provider.storage.load_client(id).await?;
    client
        .filter(|client| client.enabled)
        .ok_or_else(unknown)
        .map(Some)
}

/// One of the client's own, compared as exact strings (RP-Initiated Logout §3, RFC 9700 §4.1.3).
fn check_redirect_uri(params: &Params, client: Option<&Client>) -> Result<Option<AfterLogout>, Refused> {
    let Some(uri) = params.get("post_logout_redirect_uri") else {
        return Ok(None);
    };
    let refuse = |text| Refused::Page(PageReason::RedirectUri, invalid(text));
    let client = client.ok_or_else(|| {
        refuse("Send id_token_hint or client_id with post_logout_redirect_uri, to say whose it is.")
    })?;
    if !client
        .post_logout_redirect_uris
        .iter()
        .any(|registered| registered == uri)
    {
        return Err(refuse(
            "post_logout_redirect_uri is not one of the client's post_logout_redirect_uris.",
        ));
    }
    Ok(Some(AfterLogout {
        uri: uri.to_owned(),
        state: params.get("state").map(str::to_owned),
    }))
}

const fn invalid(text: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn params(query: &str) -> Params {
        Params::parse(query.as_bytes()).unwrap()
    }

    fn reason(refused: &Result<Option<AfterLogout>, Refused>) -> Option<PageReason> {
        match refused {
            Err(Refused::Page(reason, _)) => Some(*reason),
            _ => None,
        }
    }

    #[test]
    fn redirect_uri_is_one_of_the_clients_byte_for_byte() {
        let mut client = testing::client("web");
        client.post_logout_redirect_uris = vec!["https://web.example/bye?x=1".to_owned()];
        let check = |query: &str| {
            check_redirect_uri(
                &params(&format!("post_logout_redirect_uri={query}")),
                Some(&client),
            )
        };
        let good = check("https://web.example/bye%3Fx=1%26state=s").err();
        assert!(good.is_some(), "a query was added");
        let after = check("https%3A%2F%2Fweb.example%2Fbye%3Fx%3D1&state=a%20b").unwrap();
        assert_eq!(
            after.unwrap().location(),
            "https://web.example/bye?x=1&state=a%20b"
        );
        for bad in [
            "https://web.example/bye",
            "https://WEB.example/bye%3Fx=1",
            "https://web.example/bye%3Fx=1%23f",
            "https://evil.example/",
        ] {
            assert_eq!(reason(&check(bad)), Some(PageReason::RedirectUri), "{bad}");
        }
        let of_nobody = check_redirect_uri(&params("post_logout_redirect_uri=https://web.example/bye"), None);
        assert_eq!(reason(&of_nobody), Some(PageReason::RedirectUri));
    }

    #[test]
    fn state_is_echoed_only_when_it_was_sent() {
        let after = |state: Option<&str>| AfterLogout {
            uri: "https://web.example/bye?".to_owned(),
            state: state.map(str::to_owned),
        };
        assert_eq!(after(None).location(), "https://web.example/bye?");
        assert_eq!(
            after(Some("s+&")).location(),
            "https://web.example/bye?state=s%2B%26"
        );
    }

    #[test]
    fn no_parameter_is_endless_or_given_twice() {
        let of = |name: &str, length: usize| check_form(&params(&format!("{name}={}", "x".repeat(length))));
        for (name, max) in [
            ("id_token_hint", HINT_LENGTH_MAX),
            ("state", STATE_LENGTH_MAX),
            ("logout_hint", TEXT_LENGTH_MAX),
            ("ui_locales", TEXT_LENGTH_MAX),
        ] {
            assert!(of(name, max).is_ok() && of(name, max + 1).is_err(), "{name}");
        }
        assert!(check_form(&params("state=a&state=a")).is_err());
    }
}
