//! The issuer identifier (RFC 8414 §2, OIDC Core §16.15): configured, never taken from a request.

use url::{Host, Url};

/// A checked issuer: `https`, or `http` on a loopback host; no query, no fragment; it may carry a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// Why a text is not an issuer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IssuerError {
    /// Not an absolute URL.
    #[error("the issuer must be an absolute URL such as https://login.example.com")]
    NotAUrl,
    /// A scheme other than https, or http on a host that is not loopback.
    #[error("the issuer must use https; http is accepted for localhost, 127.0.0.1 and [::1] only")]
    Insecure,
    /// A part that RFC 8414 §2 does not allow, or a trailing slash, which would make two spellings of one issuer.
    #[error("the issuer must have no query, fragment, user name or trailing slash")]
    Shape,
}

impl Issuer {
    /// Checks an issuer.
    ///
    /// # Errors
    /// [`IssuerError`], worded for the operator.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let url = Url::parse(text).map_err(|_| IssuerError::NotAUrl)?;
        let secure = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback_host(&url),
            _ => false,
        };
        if !secure {
            return Err(IssuerError::Insecure);
        }
        let foreign = url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some()
            || text.ends_with('/');
        if foreign {
            return Err(IssuerError::Shape);
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }

    /// The identifier, byte for byte as configured: `iss` everywhere.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether cookies must be `Secure` and carry the `__Host-` prefix.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The path of the issuer without a trailing slash; empty for most.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// Scheme, host and port: what a browser sends as `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// An absolute URL below the issuer. `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

/// Whether the URL's host can only be this machine.
pub(crate) fn is_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_accepts_https_and_loopback_http() {
        for good in [
            "https://id.example.com",
            "https://example.com/tenant",
            "http://localhost:8000",
            "http://[::1]:1",
        ] {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn issuer_refuses_what_could_be_spelled_twice_or_is_insecure() {
        for (bad, why) in [
            ("id.example.com", IssuerError::NotAUrl),
            ("http://id.example.com", IssuerError::Insecure),
            ("http://localhost.evil.com", IssuerError::Insecure),
            ("ftp://localhost", IssuerError::Insecure),
            ("https://id.example.com/", IssuerError::Shape),
            ("https://id.example.com?x=1", IssuerError::Shape),
            ("https://id.example.com#x", IssuerError::Shape),
            ("https://a:b@id.example.com", IssuerError::Shape),
        ] {
            assert_eq!(Issuer::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn issuer_with_a_path_builds_urls_below_it() {
        let issuer = Issuer::parse("https://example.com/a").unwrap();
        assert_eq!(
            issuer.url("/oidc/userinfo"),
            "https://example.com/a/oidc/userinfo"
        );
        assert_eq!(issuer.path(), "/a");
        assert_eq!(issuer.origin(), "https://example.com");
    }
}
