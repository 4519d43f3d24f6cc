//! Refuses requests that another site made a browser send, where a row says so.
//!
//! Browsers say where a request comes from (`Sec-Fetch-Site`, and `Origin` in older ones). A client that says neither
//! is no browser with cookies to abuse, or a very old one: the form's token, checked by the use case, still stands.

use authly_oauth::Issuer;
use axum::http::{HeaderMap, Method, header::ORIGIN};

/// Whether the request comes from our own pages, or from no page at all.
pub fn is_same_origin(method: &Method, headers: &HeaderMap, issuer: &Issuer) -> bool {
    if method.is_safe() {
        return true;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        // `none`: the person reloaded the page or used the address bar.
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN) {
        // `null` (a sandbox, a data: URL) equals no origin.
        Some(origin) => origin.as_bytes() == issuer.origin().as_bytes(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let issuer = Issuer::parse("https://id.example.com/tenant").unwrap();
        let headers = headers
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect();
        is_same_origin(method, &headers, &issuer)
    }

    #[test]
    fn our_own_pages_and_simple_clients_pass() {
        assert!(accepts(
            &Method::POST,
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://id.example.com")
            ]
        ));
        assert!(accepts(&Method::POST, &[("sec-fetch-site", "none")]));
        assert!(accepts(&Method::POST, &[("origin", "https://id.example.com")]));
        assert!(accepts(&Method::POST, &[]));
        assert!(accepts(&Method::GET, &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn other_sites_and_null_origins_do_not() {
        for site in ["cross-site", "same-site", "", "SAME-ORIGIN, none"] {
            assert!(!accepts(&Method::POST, &[("sec-fetch-site", site)]), "{site}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://id.example.com",
            "https://id.example.com:444",
        ] {
            assert!(!accepts(&Method::POST, &[("origin", origin)]), "{origin}");
        }
    }
}
