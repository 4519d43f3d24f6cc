//! What an operator may choose about the protocol. Checked by the configuration, used here.

use std::time::Duration;

/// Who must use PKCE (`oauth.pkce_required`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PkcePolicy {
    /// Everybody: OAuth 2.1 §7.5.
    Always,
    /// Public clients; confidential ones may leave it out, and should then send `nonce` with `openid` (RFC 9700 §2.1.1).
    PublicClients,
}

/// Lifetimes and policies of one tenant.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `oauth.pkce_required`.
    pub pkce_required: PkcePolicy,
    /// Life of an authorization code; RFC 6749 §4.1.2 recommends at most ten minutes, FAPI 2 at most 60 s.
    pub authorization_code_ttl: Duration,
    /// Life of an access token.
    pub access_token_ttl: Duration,
    /// Life of an ID token.
    pub id_token_ttl: Duration,
    /// Life of an unused refresh token; each rotation starts it anew.
    pub refresh_token_ttl: Duration,
    /// How long a rotated refresh token may be presented again by the same client.
    pub refresh_grace: Duration,
    /// Absolute life of a grant: no token of the family outlives it.
    pub grant_ttl: Duration,
    /// How long a person has to finish signing in and consenting.
    pub interaction_ttl: Duration,
    /// Absolute life of a browser session.
    pub session_ttl: Duration,
    /// How long a browser session may go unused.
    pub session_idle_ttl: Duration,
    /// Whether an account must be verified: an unverified person is then refused at every step, like a disabled one.
    pub require_verified: bool,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const DAY: u64 = 24 * 60 * MINUTE;
        Self {
            pkce_required: PkcePolicy::Always,
            authorization_code_ttl: Duration::from_secs(MINUTE),
            access_token_ttl: Duration::from_secs(10 * MINUTE),
            id_token_ttl: Duration::from_secs(10 * MINUTE),
            refresh_token_ttl: Duration::from_secs(30 * DAY),
            refresh_grace: Duration::from_secs(30),
            grant_ttl: Duration::from_secs(90 * DAY),
            interaction_ttl: Duration::from_secs(30 * MINUTE),
            session_ttl: Duration::from_secs(DAY),
            session_idle_ttl: Duration::from_secs(8 * 60 * MINUTE),
            require_verified: false,
        }
    }
}
