//! The token use cases over a real SQLite database and real keys. Only the claim mapper and, where it must fail, the
//! signer are doubles.

mod client_auth;
mod client_credentials;
mod clients;
mod code;
mod discovery;
mod id_token_hint;
mod properties;
mod refresh;
mod scope_registry;
mod sign_in;
mod silent;
mod userinfo;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use authly_core::{
    Effects, GrantId, Kid, PlainToken, SecretBytes, TenantId, Timestamp,
    client::Client,
    key::SigningAlg,
    ports::{Completion, TenantStorage},
    user::User,
};
use authly_jose::{
    Expectation, KeyRing, LocalSigner, SharedKeys, SignError, Signer, generate_key, verify_jwt,
};
use authly_storage::{DatabaseConfig, Sealer};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Issuer, Params, Provider, Settings,
    client_auth::ClientCredentials,
    scopes,
    testing::{self, NOW, SECRET, ScriptedMapper, SeededRng},
    token::{TokenError, TokenResponse, token},
    userinfo::{Userinfo, UserinfoError},
};

/// A provider with one client, `web`, one person, `alice`, and a clock that a test moves.
struct Site {
    provider: Provider,
    mapper: Arc<ScriptedMapper>,
    client: Client,
    user: User,
    now: Mutex<Timestamp>,
}

impl Site {
    async fn new() -> Self {
        Self::with(testing::client("web"), testing::user("alice")).await
    }

    async fn with(client: Client, user: User) -> Self {
        let rng = Arc::new(SeededRng::new(1));
        let sealer = Sealer::new(&SecretBytes::new(vec![7; 32]), rng.clone()).unwrap();
        let storage = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        let storage = storage.tenant(&TenantId::default_tenant());
        storage
            .seed_scopes(&scopes::seeded(), Effects::none())
            .await
            .unwrap();
        storage.create_client(&client, Effects::none()).await.unwrap();
        storage.create_user(&user, None, Effects::none()).await.unwrap();
        let keys = [SigningAlg::Es256, SigningAlg::EdDsa].map(|alg| generate_key(alg, NOW).unwrap());
        let keys = Arc::new(SharedKeys::new(KeyRing::parse(&keys).unwrap()));
        let mapper = Arc::new(ScriptedMapper::default());
        let provider = Provider {
            issuer: Issuer::parse("https://op.example").unwrap(),
            settings: Settings::default(),
            storage,
            signer: Arc::new(LocalSigner::new(Arc::clone(&keys))),
            keys,
            mapper: Arc::clone(&mapper) as _,
            rng,
            client_keys: crate::client_auth::ClientKeys::new(Arc::new(crate::testing::NoDocuments)),
        };
        Self {
            provider,
            mapper,
            client,
            user,
            now: Mutex::new(NOW),
        }
    }

    fn storage(&self) -> &dyn TenantStorage {
        self.provider.storage.as_ref()
    }

    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn advance(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus(duration);
    }

    /// A code for this scope, as a finished authorization leaves it.
    async fn issue_code(&self, scope: &str) -> PlainToken {
        self.issue_code_with(scope, None).await
    }

    async fn issue_code_with(&self, scope: &str, challenge: Option<&str>) -> PlainToken {
        let plain = PlainToken::generate(self.provider.rng.as_ref());
        let mut grant = testing::grant(&self.client, &self.user, scope, self.now());
        grant.id = GrantId::from_uuid(Uuid::from_slice(&plain.hash().as_bytes()[..16]).unwrap());
        let mut code = testing::code(&plain, &grant, "https://c.example/cb");
        code.code_challenge = challenge.map(str::to_owned);
        let completion = Completion {
            interaction: None,
            consent: None,
            relies_on: None,
            grant,
            code,
            now: self.now(),
        };
        self.storage()
            .complete_interaction(completion, Effects::none())
            .await
            .unwrap();
        plain
    }

    /// A token request of the site's client, authenticated by Basic when it has a secret.
    async fn request(&self, body: &str) -> Result<TokenResponse, TokenError> {
        self.request_as(&self.client, body).await
    }

    async fn request_as(&self, client: &Client, body: &str) -> Result<TokenResponse, TokenError> {
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{SECRET}", client.id)));
        let body = if client.is_public() {
            format!("{body}&client_id={}", client.id)
        } else {
            body.to_owned()
        };
        let header = (!client.is_public()).then_some(header.as_bytes());
        self.raw_request(header, &body).await
    }

    async fn raw_request(
        &self,
        authorization: Option<&[u8]>,
        body: &str,
    ) -> Result<TokenResponse, TokenError> {
        let params = Params::parse(body.as_bytes()).unwrap();
        let credentials = ClientCredentials {
            authorization,
            params: &params,
        };
        token(&self.provider, credentials, &testing::request(self.now())).await
    }

    async fn redeem(&self, code: &PlainToken) -> Result<TokenResponse, TokenError> {
        self.request(&redeem_body(code)).await
    }

    async fn refresh(&self, token: &PlainToken) -> Result<TokenResponse, TokenError> {
        self.request(&refresh_body(token)).await
    }

    async fn userinfo(&self, access_token: &str) -> Result<Map<String, Value>, UserinfoError> {
        let ctx = testing::request(self.now());
        match crate::userinfo::userinfo(&self.provider, access_token, &ctx).await? {
            Userinfo::Json(claims) => Ok(claims),
            Userinfo::Jwt(jwt) => panic!("signed: {jwt}"),
        }
    }

    /// The claims of a token of ours, verified.
    fn claims(&self, token: &str, typ: &str, audience: &str) -> Map<String, Value> {
        let issuer = self.provider.issuer.as_str();
        let expect = Expectation {
            typ,
            algs: &SigningAlg::ALL,
            issuer,
            audience,
        };
        verify_jwt(token, &self.provider.keys.load(), &expect, self.now())
            .unwrap()
            .into_claims()
    }

    /// The stored client with this change.
    async fn other_client(&self, id: &str, change: impl FnOnce(&mut Client)) -> Client {
        let mut client = testing::client(id);
        change(&mut client);
        self.storage()
            .create_client(&client, Effects::none())
            .await
            .unwrap();
        client
    }

    async fn disable_user(&self) {
        assert!(
            self.storage()
                .set_user_enabled(self.user.id, false, self.now(), Effects::none())
                .await
                .unwrap()
        );
    }
}

fn redeem_body(code: &PlainToken) -> String {
    let redirect_uri = "https%3A%2F%2Fc.example%2Fcb";
    format!(
        "grant_type=authorization_code&code={}&redirect_uri={redirect_uri}",
        code.expose()
    )
}

fn refresh_body(token: &PlainToken) -> String {
    format!("grant_type=refresh_token&refresh_token={}", token.expose())
}

/// The error code of a refused request.
fn error_of(answer: Result<TokenResponse, TokenError>) -> &'static str {
    answer.unwrap_err().oauth().code.as_str()
}

/// A signer that cannot be reached.
struct BrokenSigner;

#[async_trait]
impl Signer for BrokenSigner {
    async fn sign(&self, _: &Kid, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(SignError::Failed("no connection".into()))
    }
}
