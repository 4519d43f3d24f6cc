//! ID tokens, exactly as OIDC Core §2 has them: who signed in, when and how, for one client. What the person is called
//! is asked of UserInfo.

use authly_core::{Timestamp, client::Client, grant::Grant, key::SigningAlg};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{Issuer, Settings, acr};

/// `typ` of the header. Never `at+jwt`, so that no resource takes it for an access token (RFC 9068 §4).
pub(crate) const TYP: &str = "JWT";

/// What an ID token says, apart from what a hook adds.
pub(crate) struct IdToken<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) client: &'a Client,
    /// `sub`: the same as the access token's and UserInfo's.
    pub(crate) subject: &'a str,
    pub(crate) grant: &'a Grant,
    /// `nonce` of the authorization request. Left out of a refreshed token (OIDC Core §12.2).
    pub(crate) nonce: Option<&'a str>,
    /// `exp`, from [`expires_at`].
    pub(crate) expires_at: Timestamp,
    /// `iat`.
    pub(crate) now: Timestamp,
}

impl IdToken<'_> {
    /// The claims the protocol owns (OIDC Core §2); `at_hash` follows once the access token exists.
    pub(crate) fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.issuer.as_str()));
        set("sub", json!(self.subject));
        // One audience, as a string; `azp` then has nothing to say (OIDC Core §2).
        set("aud", json!(self.client.id));
        set("exp", json!(self.expires_at.as_secs()));
        set("iat", json!(self.now.as_secs()));
        set("auth_time", json!(self.grant.auth_time.as_secs()));
        if let Some(nonce) = self.nonce {
            set("nonce", json!(nonce));
        }
        if !self.grant.amr.is_empty() {
            set("amr", json!(self.grant.amr));
        }
        if let Some(class) = acr::acr_of(&self.grant.amr) {
            set("acr", json!(class));
        }
        // Which session this is about, for the client that signs out (RP-Initiated Logout §2).
        if let Some(session_id) = self.grant.session_id {
            set("sid", json!(session_id));
        }
        claims
    }
}

/// The end of an ID token issued now: by the client's lifetime or the server's.
pub(crate) fn expires_at(settings: &Settings, client: &Client, grant: &Grant, now: Timestamp) -> Timestamp {
    let lifetime = client.id_token_ttl.unwrap_or(settings.id_token_ttl);
    now.plus(lifetime).min(grant.expires_at)
}

/// `at_hash`: the left half of the access token's hash, by the hash of the ID token's algorithm (OIDC Core §3.1.3.6).
/// Ed25519 hashes with SHA-512 inside (RFC 8032 §5.1), and relying parties take that one.
pub(crate) fn at_hash(access_token: &str, alg: SigningAlg) -> String {
    let algorithm = match alg {
        SigningAlg::Rs256 | SigningAlg::Ps256 | SigningAlg::Es256 => &digest::SHA256,
        SigningAlg::EdDsa => &digest::SHA512,
    };
    let hash = digest::digest(algorithm, access_token.as_bytes());
    let half = hash.as_ref().len() / 2;
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..half).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn at_hash_is_the_left_half_of_the_hash() {
        // OIDC Core A.3 gives this access token and its at_hash.
        assert_eq!(
            at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", SigningAlg::Rs256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(at_hash("x", SigningAlg::Es256).len(), 22);
        assert_eq!(at_hash("x", SigningAlg::EdDsa).len(), 43);
    }

    #[test]
    fn claims_are_those_of_oidc_core_2_and_no_others() {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let now = Timestamp::from_secs(1_000);
        let grant = testing::grant(&client, &user, "openid profile email", now);
        let issuer = Issuer::parse("https://op.example").unwrap();
        let mut token = IdToken {
            issuer: &issuer,
            client: &client,
            subject: "s",
            grant: &grant,
            nonce: Some("n"),
            expires_at: Timestamp::from_secs(1_600),
            now: Timestamp::from_secs(1_010),
        };
        let expected = json!({ "iss": "https://op.example", "sub": "s", "aud": "web", "exp": 1600, "iat": 1010,
                               "auth_time": 1000, "nonce": "n", "amr": ["pwd"],
                               "acr": "urn:authly:acr:password" });
        assert_eq!(Value::Object(token.claims()), expected);
        token.nonce = None;
        assert!(!token.claims().contains_key("nonce"));
    }
}
