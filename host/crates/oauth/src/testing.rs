//! What this crate's tests share: a person, a client, a grant, fixed randomness, and a provider over a real SQLite
//! database and real keys.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use authly_core::{
    ClientId, GrantId, PlainToken, RequestContext, Rng, ScopeSet, Timestamp, TokenHash, UserId,
    claims_request::ClaimsRequest,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    grant::{AuthorizationCode, Grant},
    key::SigningAlg,
    ports::{ClaimMapInput, ClaimMapper, FetchError, HookError, MappedClaims, RemoteDocuments},
    user::User,
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// The time at which tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// The secret of [`client`].
pub(crate) const SECRET: &str = "secret";

/// Different bytes at every call, the same in every run.
pub(crate) struct SeededRng(AtomicU64);

impl SeededRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            let hash = TokenHash::of(&count.to_be_bytes());
            let length = chunk.len();
            chunk.copy_from_slice(&hash.as_bytes()[..length]);
        }
    }
}

/// A JSON object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// An enabled person without claims.
pub(crate) fn user(username: &str) -> User {
    let id = Uuid::from_bytes(
        TokenHash::of(username.as_bytes()).as_bytes()[..16]
            .try_into()
            .unwrap(),
    );
    User {
        id: UserId::from_uuid(id),
        username: username.to_owned(),
        claims: Map::new(),
        groups: Vec::new(),
        is_admin: false,
        enabled: true,
        verified: true,
        requires_password_change: false,
        password_changed_at: Some(NOW),
        last_login_at: None,
        pseudonym: Uuid::from_u128(id.as_u128() ^ 1),
        created_at: NOW,
        updated_at: NOW,
        version: 0,
    }
}

/// A confidential client that may do everything.
pub(crate) fn client(id: &str) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: id.to_owned(),
        token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
        secret_hash: Some(TokenHash::of(SECRET.as_bytes())),
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        redirect_uris: vec!["https://c.example/cb".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: GrantType::ALL.to_vec(),
        scopes: ScopeSet::parse("openid profile email offline_access read write").unwrap(),
        audiences: Vec::new(),
        introspection_audiences: Vec::new(),
        id_token_signed_response_alg: SigningAlg::Es256,
        access_token_signed_response_alg: SigningAlg::Es256,
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        first_party: false,
        client_uri: None,
        policy_uri: None,
        tos_uri: None,
        rotate_refresh_tokens: true,
        enabled: true,
        created_at: NOW,
        version: 0,
    }
}

/// A client without a secret.
pub(crate) fn public_client(id: &str) -> Client {
    Client {
        token_endpoint_auth_method: AuthMethod::None,
        secret_hash: None,
        ..client(id)
    }
}

/// A client with this secret, sent by Basic.
pub(crate) fn confidential_client(id: &str, secret: &str) -> Client {
    Client {
        secret_hash: Some(TokenHash::of(secret.as_bytes())),
        ..client(id)
    }
}

/// A living grant of `user` to `client`, given at `now`.
pub(crate) fn grant(client: &Client, user: &User, scope: &str, now: Timestamp) -> Grant {
    let id = Uuid::from_bytes(
        TokenHash::of(scope.as_bytes()).as_bytes()[..16]
            .try_into()
            .unwrap(),
    );
    Grant {
        id: GrantId::from_uuid(id),
        client_id: client.id.clone(),
        user_id: user.id,
        scope: ScopeSet::parse(scope).unwrap(),
        auth_time: now,
        amr: vec!["pwd".to_owned()],
        claims: ClaimsRequest::default(),
        session_id: None,
        created_at: now,
        expires_at: now.plus(crate::Settings::default().grant_ttl),
        revoked_at: None,
    }
}

/// A code for all of the grant, without PKCE, asked with an explicit redirect URI.
pub(crate) fn code(plain: &PlainToken, grant: &Grant, redirect_uri: &str) -> AuthorizationCode {
    AuthorizationCode {
        hash: plain.hash(),
        grant_id: grant.id,
        client_id: grant.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_given: true,
        code_challenge: None,
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        scope: grant.scope.clone(),
        created_at: grant.created_at,
        expires_at: grant
            .created_at
            .plus(crate::Settings::default().authorization_code_ttl),
        consumed_at: None,
    }
}

/// A request at `now`.
pub(crate) fn request(now: Timestamp) -> RequestContext {
    RequestContext {
        request_id: "test-request".to_owned(),
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        now,
    }
}

/// A claim mapper that answers what a test tells it to, and remembers how often it was asked.
#[derive(Default)]
pub(crate) struct ScriptedMapper {
    failure: Mutex<Option<HookError>>,
    added: Mutex<Map<String, Value>>,
    calls: AtomicU64,
}

impl ScriptedMapper {
    /// Fails every call from now on, or none.
    pub(crate) fn fail_with(&self, failure: Option<HookError>) {
        *self.failure.lock().unwrap() = failure;
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Adds these claims to every target.
    pub(crate) fn add(&self, claims: Value) {
        *self.added.lock().unwrap() = object(claims);
    }
}

#[async_trait]
impl ClaimMapper for ScriptedMapper {
    async fn map_claims(&self, input: ClaimMapInput) -> Result<MappedClaims, HookError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let mut claims = input.claims;
        for target in claims.values_mut() {
            target.extend(self.added.lock().unwrap().clone());
        }
        Ok(MappedClaims {
            claims,
            origins: Vec::new(),
        })
    }
}

/// An outbound client that reaches nobody.
pub(crate) struct NoDocuments;

#[async_trait]
impl RemoteDocuments for NoDocuments {
    async fn fetch_json(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::Unavailable(format!("no network in this test: {url}")))
    }
}
