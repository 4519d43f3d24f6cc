//! `redirect_uri` is compared as an exact string; only the port of a loopback address floats
//! (RFC 9700 §2.1, §4.1.3; RFC 8252 §7.3).

use authly_core::{ErrorCode, OAuthError, ScopeSet, client::Client};

use super::{AuthorizeError, PageReason, RedirectTarget};
use crate::{Issuer, Params};

/// Finds where answers may go.
///
/// # Errors
/// [`AuthorizeError::Page`] when it is repeated, not registered, or absent while the client has several: never a
/// redirect (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2).
pub fn check_redirect_uri(
    issuer: &Issuer,
    params: &Params,
    client: &Client,
) -> Result<RedirectTarget, AuthorizeError> {
    if params.is_duplicate("redirect_uri") {
        return Err(REPEATED);
    }
    let (uri, given) = match (params.get("redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(uri), registered) if registered.iter().any(|r| matches_registered(r, uri)) => (uri, true),
        (Some(_), _) => return Err(UNREGISTERED),
        // RFC 6749 §3.1.2.3: may be left out when exactly one is registered.
        (None, [only]) => (only.as_str(), false),
        (None, _) => return Err(MISSING),
    };
    Ok(RedirectTarget::checked(uri.to_owned(), given, params, issuer))
}

/// OpenID Connect requires the parameter (OIDC Core §3.1.2.1).
///
/// # Errors
/// `invalid_request` when `openid` is asked for without it.
pub(super) fn check_present_for_openid(target: &RedirectTarget, scope: &ScopeSet) -> Result<(), OAuthError> {
    if scope.contains("openid") && !target.redirect_uri_given {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "OpenID Connect requests must carry redirect_uri.",
        ));
    }
    Ok(())
}

/// Whether a requested URI is the registered one: the same bytes, or the same loopback address on another port.
pub fn matches_registered(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    match (
        loopback_without_port(registered),
        loopback_without_port(requested),
    ) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Splits `http://127.0.0.1:PORT/rest` or `http://[::1]:PORT/rest` into host and rest. The port must be digits up to
/// 65535, so that `http://127.0.0.1:1@evil.example/` is nothing.
fn loopback_without_port(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|host| uri.strip_prefix(host).map(|rest| (host, rest)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(with_port) => {
            let end = with_port
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(with_port.len());
            let (port, rest) = with_port.split_at(end);
            port.parse::<u16>().ok()?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with('/') || rest.starts_with('?')).then_some((host, rest))
}

const REPEATED: AuthorizeError = AuthorizeError::Page(
    PageReason::RedirectUri,
    OAuthError::new(ErrorCode::InvalidRequest, "redirect_uri is given more than once."),
);

const MISSING: AuthorizeError = AuthorizeError::Page(
    PageReason::RedirectUri,
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "The request needs redirect_uri: the client has several registered, or none.",
    ),
);

const UNREGISTERED: AuthorizeError = AuthorizeError::Page(
    PageReason::RedirectUri,
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "redirect_uri is not registered for this client. It must equal a registered one in every character.",
    ),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uri_is_compared_byte_by_byte() {
        let registered = "https://c.example/cb";
        assert!(matches_registered(registered, registered));
        for other in [
            "https://c.example/cb/",
            "https://c.example/CB",
            "https://C.example/cb",
            "https://c.example/cb?x=1",
            "https://c.example/%63b",
            "https://c.example/cb%2e",
            "https://u@c.example/cb",
            "https://c.example:443/cb",
            "https://c.example/cb/../cb",
            "http://c.example/cb",
        ] {
            assert!(!matches_registered(registered, other), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_floats() {
        let v4 = "http://127.0.0.1:8400/cb?x=1";
        assert!(matches_registered(v4, "http://127.0.0.1:9/cb?x=1"));
        assert!(matches_registered(v4, "http://127.0.0.1/cb?x=1"));
        assert!(matches_registered("http://[::1]/cb", "http://[::1]:61000/cb"));
        for other in [
            "http://127.0.0.1:9/cb",
            "http://127.0.0.1:9/cb?x=2",
            "http://localhost:8400/cb?x=1",
            "http://[::1]:8400/cb?x=1",
            "https://127.0.0.1:9/cb?x=1",
            "http://127.0.0.1:65536/cb?x=1",
            "http://127.0.0.1:/cb?x=1",
            "http://127.0.0.1:9@evil.example/cb?x=1",
            "http://127.0.0.1.evil.example/cb?x=1",
        ] {
            assert!(!matches_registered(v4, other), "{other}");
        }
        assert!(
            !matches_registered("http://localhost:1/cb", "http://localhost:2/cb"),
            "localhost is a name"
        );
    }
}
