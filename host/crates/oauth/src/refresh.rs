//! What a refresh token is: when one is issued, how long it lives, and how its successor is derived
//! (RFC 6749 §6, RFC 9700 §4.14.2, OIDC Core §11).

use std::time::Duration;

use authly_core::{
    PlainToken, Rng, ScopeSet, Timestamp,
    client::{Client, GrantType},
    grant::{Grant, RefreshToken},
    secret::SecretBytes,
};
use aws_lc_rs::hmac;

use crate::{Settings, scopes};

/// Whether a refresh token belongs to the answer: the client registered the grant and the person agreed to
/// `offline_access`, now or earlier (OIDC Core §11).
pub(crate) fn is_due(client: &Client, granted: &ScopeSet) -> bool {
    client.allows(GrantType::RefreshToken) && granted.contains(scopes::OFFLINE_ACCESS)
}

/// The stored form of a token of this grant, for `lifetime`. It never outlives the grant.
pub(crate) fn stored(
    token: &PlainToken,
    grant: &Grant,
    scope: &ScopeSet,
    lifetime: Duration,
    now: Timestamp,
) -> RefreshToken {
    RefreshToken {
        hash: token.hash(),
        grant_id: grant.id,
        client_id: grant.client_id.clone(),
        scope: scope.clone(),
        created_at: now,
        expires_at: now.plus(lifetime).min(grant.expires_at),
        consumed_at: None,
    }
}

/// How long an unused token of the client lives: by its registration, else by the server's setting.
pub(crate) fn lifetime(settings: &Settings, client: &Client) -> Duration {
    client.refresh_token_ttl.unwrap_or(settings.refresh_token_ttl)
}

/// A fresh nonce for a rotation: 256 random bits.
pub(crate) fn nonce(rng: &dyn Rng) -> SecretBytes {
    let mut bytes = vec![0u8; 32];
    rng.fill(&mut bytes);
    SecretBytes::new(bytes)
}

/// The successor: HMAC-SHA256 with the presented token as key and the nonce as message.
///
/// Storage holds the nonce and the holder the token, so neither alone leads to the successor; a retry within the
/// grace, when storage still has the nonce, leads to the identical one.
pub(crate) fn successor(presented: &PlainToken, nonce: &SecretBytes) -> PlainToken {
    let key = hmac::Key::new(hmac::HMAC_SHA256, presented.expose().as_bytes());
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    // An HMAC-SHA256 tag has 32 bytes; zip copies without a way to fail.
    for (to, from) in bytes.iter_mut().zip(hmac::sign(&key, nonce.expose()).as_ref()) {
        *to = *from;
    }
    PlainToken::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn successor_is_hmac_sha256_of_the_nonce_keyed_with_the_token() {
        // RFC 4231 §4.3 (test case 2): key "Jefe", data "what do ya want for nothing?".
        let token = PlainToken::presented("Jefe").unwrap();
        let nonce = SecretBytes::new(b"what do ya want for nothing?".to_vec());
        assert_eq!(
            successor(&token, &nonce).expose(),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM"
        );
        let other = PlainToken::presented("Jefd").unwrap();
        assert_ne!(
            successor(&token, &nonce).expose(),
            successor(&other, &nonce).expose()
        );
    }

    #[test]
    fn refresh_needs_offline_access_and_the_registered_grant() {
        let mut client = testing::client("web");
        let with = ScopeSet::parse("openid offline_access").unwrap();
        assert!(is_due(&client, &with));
        assert!(!is_due(&client, &with.without("offline_access")));
        client.grant_types.retain(|g| *g != GrantType::RefreshToken);
        assert!(!is_due(&client, &with));
    }

    #[test]
    fn lifetime_is_the_clients_else_the_servers() {
        let settings = Settings::default();
        let mut client = testing::client("web");
        assert_eq!(lifetime(&settings, &client), settings.refresh_token_ttl);
        client.refresh_token_ttl = Some(Duration::from_secs(5));
        assert_eq!(lifetime(&settings, &client), Duration::from_secs(5));
    }

    #[test]
    fn refresh_token_never_outlives_its_grant() {
        let now = Timestamp::from_secs(1_000);
        let mut grant = testing::grant(&testing::client("web"), &testing::user("alice"), "openid", now);
        let lifetime = Duration::from_secs(100);
        let token = PlainToken::presented("x").unwrap();
        let expiry = |grant: &Grant| stored(&token, grant, &grant.scope, lifetime, now).expires_at;
        grant.expires_at = Timestamp::from_secs(1_050);
        assert_eq!(expiry(&grant), Timestamp::from_secs(1_050));
        grant.expires_at = Timestamp::from_secs(1_101);
        assert_eq!(expiry(&grant), Timestamp::from_secs(1_100));
    }
}
