//! Which redirect URIs may be registered (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1, §4.1).

use url::Url;

/// The longest redirect URI, in bytes.
pub(super) const LENGTH_MAX: usize = 2000;

/// Why a text is not a redirect URI an answer may be sent to. Each message continues "redirect_uri … ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Longer than 2000 bytes.
    #[error("must be at most {LENGTH_MAX} characters")]
    TooLong,
    /// Spaces, control characters, backslashes, or anything beyond ASCII: browsers rewrite them.
    #[error("must be printable ASCII without spaces and backslashes; percent-encode the rest")]
    Characters,
    /// `*` would be read as a pattern, and there are none (RFC 9700 §4.1.3).
    #[error("must not hold *: redirect URIs are compared character by character, there are no wildcards")]
    Wildcard,
    /// Not an absolute URL.
    #[error("must be an absolute URL such as https://app.example.com/callback")]
    NotAbsolute,
    /// RFC 6749 §3.1.2.
    #[error("must not have a fragment")]
    Fragment,
    /// `https://trusted@evil.example/`.
    #[error("must not have a user name or password")]
    UserInfo,
    /// http to another machine.
    #[error("must use https; http is for localhost, 127.0.0.1 and [::1] only")]
    Http,
    /// A scheme that is neither https nor a private-use one (RFC 8252 §7.1).
    #[error(
        "must use https, http on loopback, or an app's own scheme with a dot in it, such as com.example.app:/callback"
    )]
    Scheme,
    /// Another spelling than a browser's: what is compared would not be where the browser goes.
    #[error("must be written as {0}")]
    Spelling(String),
}

/// Checks a redirect URI for registration.
///
/// # Errors
/// [`RedirectUriError`].
pub fn check_redirect_uri(text: &str) -> Result<(), RedirectUriError> {
    check_characters(text)?;
    let url = Url::parse(text).map_err(|_| RedirectUriError::NotAbsolute)?;
    if url.fragment().is_some() {
        return Err(RedirectUriError::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RedirectUriError::UserInfo);
    }
    check_scheme(&url)?;
    check_spelling(text, &url)
}

fn check_characters(text: &str) -> Result<(), RedirectUriError> {
    if text.len() > LENGTH_MAX {
        return Err(RedirectUriError::TooLong);
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Err(RedirectUriError::Characters);
    }
    if text.contains('*') {
        return Err(RedirectUriError::Wildcard);
    }
    Ok(())
}

/// https; http where nobody on the network can listen (RFC 8252 §7.3, §8.3); or a private-use scheme, which a reverse
/// domain name with its dot marks as somebody's own (RFC 8252 §7.1). `javascript`, `data` and their like have no dot.
fn check_scheme(url: &Url) -> Result<(), RedirectUriError> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) => Ok(()),
        "http" => Err(RedirectUriError::Http),
        own if own.contains('.') => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

/// The text must be how a browser writes the URL; a missing path is forgiven, since every browser adds the same `/`.
fn check_spelling(text: &str, url: &Url) -> Result<(), RedirectUriError> {
    let bare = url
        .as_str()
        .strip_suffix('/')
        .filter(|_| url.path() == "/" && url.query().is_none());
    if text == url.as_str() || Some(text) == bare {
        return Ok(());
    }
    Err(RedirectUriError::Spelling(url.as_str().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_redirect_uris_are_accepted() {
        for good in [
            "https://c.example",
            "https://c.example/",
            "https://c.example/cb?a=1&b=%20",
            "https://c.example:8443/cb",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:5000/cb",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn unsafe_redirect_uris_are_refused_with_the_reason() {
        for (bad, why) in [
            ("/cb", RedirectUriError::NotAbsolute),
            ("", RedirectUriError::NotAbsolute),
            ("https://c.example/cb#x", RedirectUriError::Fragment),
            ("https://c.example/cb#", RedirectUriError::Fragment),
            ("https://c.example@evil.example/", RedirectUriError::UserInfo),
            ("http://c.example/cb", RedirectUriError::Http),
            ("http://localhost.evil.example/cb", RedirectUriError::Http),
            ("http://127.0.0.2/cb", RedirectUriError::Http),
            ("javascript:alert(1)", RedirectUriError::Scheme),
            ("JAVASCRIPT://c.example/%0aalert(1)", RedirectUriError::Scheme),
            ("data:text/html,x", RedirectUriError::Scheme),
            ("vbscript:x", RedirectUriError::Scheme),
            ("file:///etc/passwd", RedirectUriError::Scheme),
            ("myapp:/cb", RedirectUriError::Scheme),
            ("https://*.c.example/cb", RedirectUriError::Wildcard),
            ("https://c.example\\@evil.example", RedirectUriError::Characters),
            ("https://c.example/a b", RedirectUriError::Characters),
            ("https://c.example/\u{e9}", RedirectUriError::Characters),
            ("https://c.example/\r\n", RedirectUriError::Characters),
            (
                "https:c.example/cb",
                RedirectUriError::Spelling("https://c.example/cb".into()),
            ),
            (
                "https://C.example/cb",
                RedirectUriError::Spelling("https://c.example/cb".into()),
            ),
            (
                "https://c.example:443/cb",
                RedirectUriError::Spelling("https://c.example/cb".into()),
            ),
            (
                "https://c.example/a/../cb",
                RedirectUriError::Spelling("https://c.example/cb".into()),
            ),
            (
                "http://127.1/cb",
                RedirectUriError::Spelling("http://127.0.0.1/cb".into()),
            ),
        ] {
            assert_eq!(check_redirect_uri(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn length_is_limited() {
        let of = |n: usize| format!("https://c.example/{}", "a".repeat(n - 18));
        assert_eq!(check_redirect_uri(&of(LENGTH_MAX)), Ok(()));
        assert_eq!(
            check_redirect_uri(&of(LENGTH_MAX + 1)),
            Err(RedirectUriError::TooLong)
        );
    }
}
