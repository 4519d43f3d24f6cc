//! JWT access tokens (RFC 9068).

use authly_core::{GrantId, Rng, ScopeSet, Timestamp, client::Client, grant::Grant};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Issuer, Settings, acr, scopes};

/// `typ` of the header (RFC 9068 §2.1): what keeps an ID token from passing as an access token.
pub(crate) const TYP: &str = "at+jwt";

/// What an access token says, apart from what a hook adds.
pub(crate) struct AccessToken<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) client: &'a Client,
    /// `sub`.
    pub(crate) subject: &'a str,
    /// `aud`, from [`audience`].
    pub(crate) audience: &'a [String],
    pub(crate) scope: &'a ScopeSet,
    /// The grant of the person behind it; `None` when a client acts for itself.
    pub(crate) grant: Option<&'a Grant>,
    /// `exp`, from [`expires_at`].
    pub(crate) expires_at: Timestamp,
    /// `iat`.
    pub(crate) now: Timestamp,
}

impl AccessToken<'_> {
    /// The claims the protocol owns (RFC 9068 §2.2, §2.2.1, §2.2.3).
    pub(crate) fn claims(&self, rng: &dyn Rng) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.issuer.as_str()));
        set("sub", json!(self.subject));
        set("aud", audience_claim(self.audience));
        set("client_id", json!(self.client.id));
        set("exp", json!(self.expires_at.as_secs()));
        set("iat", json!(self.now.as_secs()));
        set("jti", json!(jti(self.grant.map(|g| g.id), rng)));
        set("scope", json!(self.scope.to_string()));
        if let Some(grant) = self.grant {
            set("auth_time", json!(grant.auth_time.as_secs()));
            if !grant.amr.is_empty() {
                set("amr", json!(grant.amr));
            }
            if let Some(class) = acr::acr_of(&grant.amr) {
                set("acr", json!(class));
            }
        }
        claims
    }
}

/// Whom the token is for: the client's audiences, else the issuer (RFC 9068 §3).
///
/// With `openid` the issuer is among them, because UserInfo accepts no token that does not name it. Nothing else adds
/// it: an `admin` scope is not granted unless the client's registration names the issuer already.
pub(crate) fn audience(client: &Client, scope: &ScopeSet, issuer: &Issuer) -> Vec<String> {
    let mut audience = client.audiences.clone();
    let for_userinfo = scope.contains(scopes::OPENID);
    if (audience.is_empty() || for_userinfo) && !audience.iter().any(|a| a == issuer.as_str()) {
        audience.push(issuer.as_str().to_owned());
    }
    audience
}

/// One audience is a string, several are an array (RFC 7519 §4.1.3): many a verifier expects just that.
fn audience_claim(audience: &[String]) -> Value {
    match audience {
        [only] => json!(only),
        several => json!(several),
    }
}

/// The end of a token issued now: the client's lifetime or the server's, but never after its grant's end.
pub(crate) fn expires_at(
    settings: &Settings,
    client: &Client,
    grant: Option<&Grant>,
    now: Timestamp,
) -> Timestamp {
    let end = now.plus(client.access_token_ttl.unwrap_or(settings.access_token_ttl));
    grant.map_or(end, |grant| end.min(grant.expires_at))
}

/// A token's identifier: the grant's UUID, if there is one, and 128 random bits.
///
/// So whoever holds the token can be asked whether the grant lives, without a claim of its own for it.
fn jti(grant: Option<GrantId>, rng: &dyn Rng) -> String {
    let mut random = [0u8; 16];
    rng.fill(&mut random);
    let mut bytes = grant.map(|g| g.as_uuid().as_bytes().to_vec()).unwrap_or_default();
    bytes.extend_from_slice(&random);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The grant a token was issued from, by its `jti`; `None` for a client's own token.
pub(crate) fn grant_of_jti(jti: &str) -> Option<GrantId> {
    let bytes = URL_SAFE_NO_PAD.decode(jti).ok().filter(|b| b.len() == 32)?;
    Uuid::from_slice(bytes.get(..16)?).ok().map(GrantId::from_uuid)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing;

    fn issuer() -> Issuer {
        Issuer::parse("https://op.example").unwrap()
    }

    #[test]
    fn audience_is_the_clients_else_the_issuer() {
        let mut client = testing::client("web");
        let of = |client: &Client, scope: &str| audience(client, &ScopeSet::parse(scope).unwrap(), &issuer());
        assert_eq!(of(&client, "read"), ["https://op.example"]);
        client.audiences = vec!["https://api.example".into()];
        assert_eq!(of(&client, "read"), ["https://api.example"]);
        let with_userinfo = of(&client, "openid read");
        assert_eq!(with_userinfo, ["https://api.example", "https://op.example"]);
        assert_eq!(of(&client, "admin:users:read"), ["https://api.example"]);
        client.audiences = vec!["https://op.example".into()];
        assert_eq!(of(&client, "openid"), ["https://op.example"]);
    }

    #[test]
    fn jti_leads_to_the_grant_of_a_person_only() {
        let rng = testing::SeededRng::new(1);
        let id = GrantId::from_uuid(Uuid::from_u128(7));
        assert_eq!(grant_of_jti(&jti(Some(id), &rng)), Some(id));
        assert_eq!(grant_of_jti(&jti(None, &rng)), None);
        assert_ne!(jti(Some(id), &rng), jti(Some(id), &rng));
        for bad in ["", "!", "AAAA", &"A".repeat(44)] {
            assert_eq!(grant_of_jti(bad), None);
        }
    }

    #[test]
    fn token_never_outlives_its_grant() {
        let settings = Settings {
            access_token_ttl: Duration::from_secs(100),
            ..Settings::default()
        };
        let now = Timestamp::from_secs(1_000);
        let mut client = testing::client("web");
        let mut grant = testing::grant(&client, &testing::user("alice"), "openid", now);
        let end =
            |client: &Client, grant: Option<&Grant>| expires_at(&settings, client, grant, now).as_secs();
        assert_eq!(end(&client, None), 1_100);
        grant.expires_at = Timestamp::from_secs(1_040);
        assert_eq!(end(&client, Some(&grant)), 1_040);
        client.access_token_ttl = Some(Duration::from_secs(30));
        assert_eq!(end(&client, Some(&grant)), 1_030, "the client's own lifetime");
    }

    #[test]
    fn claims_are_those_of_rfc_9068() {
        let (client, user) = (testing::client("web"), testing::user("alice"));
        let now = Timestamp::from_secs(1_000);
        let grant = testing::grant(&client, &user, "openid read", now);
        let token = AccessToken {
            issuer: &issuer(),
            client: &client,
            subject: "s",
            audience: &["https://op.example".to_owned()],
            scope: &grant.scope,
            grant: Some(&grant),
            expires_at: Timestamp::from_secs(1_600),
            now,
        };
        let mut claims = token.claims(&testing::SeededRng::new(1));
        assert!(claims.remove("jti").unwrap().as_str().unwrap().len() >= 22);
        assert_eq!(
            Value::Object(claims),
            json!({ "iss": "https://op.example", "sub": "s", "aud": "https://op.example", "client_id": "web",
                    "exp": 1600, "iat": 1000, "scope": "openid read", "auth_time": 1000, "amr": ["pwd"],
                    "acr": "urn:authly:acr:password" })
        );
    }
}
