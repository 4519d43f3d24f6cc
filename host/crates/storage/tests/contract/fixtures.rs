//! Values to store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use authly_core::{
    AuditAction, ClientId, Effects, GrantId, Invalidation, OutboxMessage, Rng, ScopeSet, SecretBytes,
    SecretText, SessionId, Timestamp, TokenHash, Topic, UserId,
    audit::AuditEvent,
    authorization::{AuthorizationRequest, Display, ResponseMode},
    claims_request::ClaimsRequest,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client, GrantType},
    grant::{AuthorizationCode, Consent, Grant, RefreshToken, StoredAccessToken},
    interaction::{Authentication, Interaction, InteractionState},
    key::SigningAlg,
    ports::{Completion, Rotation, TenantStorage},
    session::Session,
    user::User,
};
use authly_storage::Sealer;
use uuid::Uuid;

use super::Backend;

/// Different bytes at every call.
pub struct CountingRng(AtomicU64);

impl Rng for CountingRng {
    fn fill(&self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let block = TokenHash::of(&count.to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

pub fn rng() -> Arc<CountingRng> {
    Arc::new(CountingRng(AtomicU64::new(0)))
}

/// A sealer whose key is this byte, 32 times.
pub fn sealer(key: u8) -> Sealer {
    Sealer::new(&SecretBytes::new(vec![key; 32]), rng()).unwrap()
}

/// Seconds after the start of the test's time.
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_893_456_000 + secs)
}

pub fn hash(name: &str) -> TokenHash {
    TokenHash::of(name.as_bytes())
}

pub fn uuid(name: &str) -> Uuid {
    Uuid::from_slice(&hash(name).as_bytes()[..16]).unwrap()
}

pub fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

pub fn user_id(name: &str) -> UserId {
    UserId::from_uuid(uuid(name))
}

pub fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// One audit event of this name: what most requests leave.
pub fn event(action: AuditAction) -> Effects {
    Effects {
        invalidations: Vec::new(),
        ..effects(action)
    }
}

/// One audit event of this name and one invalidation.
pub fn effects(action: AuditAction) -> Effects {
    Effects {
        audit: vec![AuditEvent {
            pseudonym: Some(uuid("pseudonym")),
            client_id: Some(client_id("app")),
            request_id: Some("request-1".to_owned()),
            ..AuditEvent::internal(at(0), action)
        }],
        outbox: Vec::new(),
        invalidations: vec![Invalidation {
            topic: Topic::Grant,
            key: "g".to_owned(),
        }],
    }
}

pub fn message(text: &str) -> OutboxMessage {
    OutboxMessage {
        kind: "email".to_owned(),
        payload: SecretBytes::new(text.as_bytes().to_vec()),
        expires_at: at(600),
    }
}

pub fn client(id: &str) -> Client {
    Client {
        id: client_id(id),
        name: "An app, \"quoted\" ünd €".to_owned(),
        token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
        secret_hash: Some(hash("secret")),
        secret: Some(SecretText::new("secret".to_owned())),
        jwks: None,
        jwks_uri: Some("https://app.example/jwks".to_owned()),
        token_endpoint_auth_signing_alg: Some("HS256".to_owned()),
        assertion_audience: AssertionAudience::Issuer,
        redirect_uris: vec![
            "https://app.example/cb".to_owned(),
            "http://127.0.0.1/cb".to_owned(),
        ],
        post_logout_redirect_uris: vec!["https://app.example/out".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes("openid profile offline_access"),
        audiences: vec!["https://api.example".to_owned()],
        introspection_audiences: vec!["https://api.example".to_owned()],
        id_token_signed_response_alg: SigningAlg::Rs256,
        access_token_signed_response_alg: SigningAlg::EdDsa,
        access_token_format: AccessTokenFormat::Opaque,
        userinfo_signed_response_alg: Some(SigningAlg::Rs256),
        access_token_ttl: Some(Duration::from_micros(60_000_001)),
        id_token_ttl: Some(Duration::from_secs(61)),
        refresh_token_ttl: Some(Duration::from_secs(62)),
        default_max_age: Some(3600),
        first_party: true,
        client_uri: Some("https://app.example".to_owned()),
        policy_uri: None,
        tos_uri: Some("https://app.example/tos".to_owned()),
        rotate_refresh_tokens: true,
        enabled: true,
        created_at: at(0),
        version: 0,
    }
}

pub fn user(name: &str) -> User {
    User {
        id: user_id(name),
        username: name.to_owned(),
        claims: serde_json::from_str(r#"{"email":"a@example.com","address":{"country":"DE"},"n":1.5}"#)
            .unwrap(),
        groups: vec!["staff".to_owned(), "ops".to_owned()],
        is_admin: true,
        enabled: true,
        pseudonym: uuid("pseudonym"),
        created_at: at(0),
        updated_at: at(1),
        verified: true,
        requires_password_change: true,
        password_changed_at: Some(at(0)),
        last_login_at: None,
        version: 0,
    }
}

pub fn session(name: &str, owner: &User) -> Session {
    Session {
        id: SessionId::from_uuid(uuid(name)),
        hash: hash(name),
        user_id: owner.id,
        auth_time: at(0),
        amr: vec!["pwd".to_owned()],
        created_at: at(0),
        expires_at: at(100),
        last_seen_at: at(0),
        user_agent: Some("A browser".to_owned()),
        address: Some("2001:db8::1".parse().unwrap()),
    }
}

pub fn authentication() -> Authentication {
    Authentication {
        session_id: SessionId::from_uuid(uuid("session")),
        user_id: user_id("alice"),
        auth_time: at(0),
        amr: vec!["pwd".to_owned()],
    }
}

pub fn interaction(name: &str) -> Interaction {
    Interaction {
        hash: hash(name),
        browser: None,
        request: AuthorizationRequest {
            client_id: client_id("app"),
            redirect_uri: "https://app.example/cb".to_owned(),
            redirect_uri_given: true,
            response_mode: ResponseMode::Query,
            scope: scopes("openid"),
            state: Some("st\"ate".to_owned()),
            nonce: None,
            code_challenge: Some("challenge".to_owned()),
            prompt: Vec::new(),
            max_age: Some(60),
            claims: claims_request(),
            acr_values: vec!["urn:x".to_owned()],
            hinted_subject: None,
            display: Display::Popup,
            login_hint: None,
            ui_locales: vec!["de".to_owned()],
        },
        state: InteractionState::Pending,
        version: 0,
        created_at: at(0),
        expires_at: at(100),
    }
}

/// One claim asked for by name.
pub fn claims_request() -> ClaimsRequest {
    serde_json::from_str(r#"{"userinfo":{"email":{"essential":true}},"locales":["de"]}"#).unwrap()
}

/// An opaque access token of a grant.
pub fn access_token(name: &str, of: Option<&Grant>) -> StoredAccessToken {
    StoredAccessToken {
        hash: hash(name),
        grant_id: of.map(|grant| grant.id),
        client_id: client_id("app"),
        claims: serde_json::from_str(r#"{"scope":"openid","jti":"j"}"#).unwrap(),
        created_at: at(0),
        expires_at: at(600),
        revoked_at: None,
    }
}

pub fn grant(name: &str) -> Grant {
    Grant {
        id: GrantId::from_uuid(uuid(name)),
        client_id: client_id("app"),
        user_id: user_id("alice"),
        scope: scopes("openid offline_access"),
        auth_time: at(0),
        amr: vec!["pwd".to_owned()],
        claims: claims_request(),
        session_id: None,
        created_at: at(0),
        expires_at: at(10_000),
        revoked_at: None,
    }
}

pub fn code(name: &str, of: &Grant) -> AuthorizationCode {
    AuthorizationCode {
        hash: hash(name),
        grant_id: of.id,
        client_id: of.client_id.clone(),
        redirect_uri: "https://app.example/cb".to_owned(),
        redirect_uri_given: false,
        code_challenge: Some("challenge".to_owned()),
        nonce: Some("nonce".to_owned()),
        scope: of.scope.clone(),
        created_at: at(0),
        expires_at: at(60),
        consumed_at: None,
    }
}

pub fn refresh_token(name: &str, of: &Grant) -> RefreshToken {
    RefreshToken {
        hash: hash(name),
        grant_id: of.id,
        client_id: of.client_id.clone(),
        scope: of.scope.clone(),
        created_at: at(0),
        expires_at: at(1_000),
        consumed_at: None,
    }
}

pub fn consent(text: &str, secs: i64) -> Consent {
    Consent {
        user_id: user_id("alice"),
        client_id: client_id("app"),
        scope: scopes(text),
        updated_at: at(secs),
    }
}

/// A completion without an interaction.
pub fn completion(name: &str) -> Completion {
    let grant = grant(name);
    Completion {
        interaction: None,
        consent: None,
        relies_on: None,
        code: code(name, &grant),
        grant,
        now: at(0),
    }
}

/// The grace of every rotation here, in seconds.
pub const GRACE: i64 = 10;

/// A rotation of the token `from` to the token `to`; its nonce is the text of both.
pub fn rotation(from: &str, to: &str, of: &Grant, secs: i64) -> Rotation {
    Rotation {
        hash: hash(from),
        successor: refresh_token(to, of),
        access_token: None,
        nonce: SecretBytes::new(format!("nonce:{from}:{to}").into_bytes()),
        grace: Duration::from_secs(GRACE.unsigned_abs()),
        now: at(secs),
    }
}

/// A person called alice, so that grants have an owner.
pub async fn alice(tenant: &dyn TenantStorage) -> User {
    let alice = user("alice");
    tenant.create_user(&alice, None, Effects::none()).await.unwrap();
    alice
}

/// The session of that name, if it is alive.
pub async fn living(tenant: &dyn TenantStorage, name: &str, secs: i64) -> Option<Session> {
    let loaded = tenant.load_session(&hash(name), None, at(secs)).await.unwrap();
    loaded.map(|loaded| loaded.session)
}

/// Alice's grant and its unspent code, both called `name`.
pub async fn granted(backend: &impl Backend, name: &str) -> Grant {
    let tenant = backend.tenant();
    if tenant.load_user(user_id("alice")).await.unwrap().is_none() {
        alice(&*tenant).await;
    }
    let completion = completion(name);
    let grant = completion.grant.clone();
    tenant
        .complete_interaction(completion, Effects::none())
        .await
        .unwrap();
    grant
}

/// Alice's grant with a refresh token, both called `name`.
pub async fn family(backend: &impl Backend, name: &str) -> Grant {
    let grant = granted(backend, name).await;
    let redemption = authly_core::ports::Redemption {
        hash: hash(name),
        refresh_token: Some(refresh_token(name, &grant)),
        access_token: None,
        now: at(0),
    };
    let effects = authly_core::ports::RedeemEffects::default();
    backend.tenant().redeem_code(redemption, effects).await.unwrap();
    grant
}

/// The names among these of the grants whose death was told to other nodes, each told once.
pub async fn killed(backend: &impl Backend) -> Vec<&'static str> {
    let told = backend
        .sql("SELECT key FROM invalidations WHERE topic = 'grant' AND key <> 'g' ORDER BY seq")
        .await;
    let mut names: Vec<_> = told
        .iter()
        .flatten()
        .map(|key| {
            let named = ["agreed", "a", "b", "elsewhere", "expired", "living", "revoked"];
            named
                .into_iter()
                .find(|name| uuid(name).to_string() == *key)
                .unwrap()
        })
        .collect();
    names.sort_unstable();
    names
}
