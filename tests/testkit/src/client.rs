//! An OAuth client as a test sees it: it keeps its secrets, builds requests, and hides nothing of the answers.

use std::collections::BTreeMap;

use authly_core::{PlainToken, Rng, TokenHash};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Url;

/// A PKCE pair (RFC 7636 §4.1, §4.2).
#[derive(Debug, Clone)]
pub struct Pkce {
    /// `code_verifier`.
    pub verifier: String,
    /// `code_challenge` for S256.
    pub challenge: String,
}

impl Pkce {
    /// A fresh pair.
    pub fn new(rng: &dyn Rng) -> Self {
        let verifier = PlainToken::generate(rng).expose().to_owned();
        let challenge = URL_SAFE_NO_PAD.encode(TokenHash::of(verifier.as_bytes()).as_bytes());
        Self { verifier, challenge }
    }
}

/// Parameters by name, easily changed: each test states only what differs from a good request.
#[derive(Debug, Clone, Default)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// No parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a parameter out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// As pairs.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    /// As a query below `url`.
    pub fn url(&self, url: &str) -> Url {
        Url::parse_with_params(url, self.pairs()).expect("a URL")
    }
}

/// An `Authorization: Basic` value as RFC 6749 §2.3.1 wants it: both halves form-encoded first.
pub fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    format!(
        "Basic {}",
        STANDARD.encode(format!("{}:{}", encode(client_id), encode(client_secret)))
    )
}
