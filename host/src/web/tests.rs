//! The whole router over an SQLite in memory.

mod handlers;
mod rows;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use authly_accounts::{Devices, Login, PasswordPool, ThrottlePolicies};
use authly_core::{
    Clock, RequestContext, Rng, SecretBytes, SecretText, TenantId, Timestamp,
    interaction::PasswordProof,
    key::SigningAlg,
    ports::{ClaimMapInput, ClaimMapper, HookError, MappedClaims, TenantStorage},
    user::User,
};
use authly_egress::{Egress, EgressPolicy};
use authly_jose::{KeyRing, LocalSigner, SharedKeys, generate_key};
use authly_oauth::{
    Issuer, Provider, Settings,
    client_auth::ClientKeys,
    discovery::Documents,
    interaction::{Authenticated, Authenticator, NewPasswordRefusal, PasswordAttempt, Refusal},
};
use authly_storage::{DatabaseConfig, Sealer};
use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::{
    middleware::{
        rate_limit::{AddressRate, RateLimit},
        request_id::RequestIds,
    },
    pages::Pages,
    router::{Answers, router},
    server::ServerLimits,
    state::{Accounts, AppState, Edge, ReadinessCheck},
};
use crate::telemetry::Metrics;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }
}

impl Rng for Fixed {
    fn fill(&self, dest: &mut [u8]) {
        dest.fill(0x5a);
    }
}

struct Nobody;

#[async_trait]
impl ClaimMapper for Nobody {
    async fn map_claims(&self, _input: ClaimMapInput) -> Result<MappedClaims, HookError> {
        Ok(MappedClaims::default())
    }
}

#[async_trait]
impl Authenticator for Nobody {
    async fn authenticate(
        &self,
        _: PasswordAttempt<'_>,
        _: &RequestContext,
    ) -> Result<Authenticated, Refusal> {
        Err(Refusal::Rejected)
    }

    async fn renew_password(
        &self,
        _: &PasswordProof,
        _: &SecretText,
        _: &RequestContext,
    ) -> Result<User, NewPasswordRefusal> {
        Err(NewPasswordRefusal::Stale)
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Web {
    routes: Arc<dyn Answers>,
    plugins_ready: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    tenant: Arc<dyn TenantStorage>,
}

/// Accounts nobody may make.
fn accounts(tenant: Arc<dyn TenantStorage>) -> Accounts {
    let passwords = Arc::new(PasswordPool::new(1, 4).unwrap());
    let devices = Devices::new(&SecretBytes::new(vec![2; 32]), Arc::new(Fixed));
    Accounts {
        login: Login::new(
            tenant,
            Arc::clone(&passwords),
            ThrottlePolicies::default(),
            devices,
        ),
        passwords,
        registration_open: false,
        registrations: AddressRate::new(RateLimit {
            per_minute: 1,
            burst: 1,
        }),
    }
}

impl Web {
    async fn start() -> Self {
        Self::with_issuer("https://id.example.com").await
    }

    async fn with_issuer(issuer: &str) -> Self {
        let issuer = Issuer::parse(issuer).unwrap();
        let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), Arc::new(Fixed)).unwrap();
        let storage = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        let signing =
            [SigningAlg::Es256, SigningAlg::Rs256].map(|alg| generate_key(alg, Fixed.now()).unwrap());
        let keys = Arc::new(SharedKeys::new(KeyRing::parse(&signing).unwrap()));
        let provider = Provider {
            issuer: issuer.clone(),
            settings: Settings::default(),
            storage: storage.tenant(&TenantId::default_tenant()),
            keys: Arc::clone(&keys),
            signer: Arc::new(LocalSigner::new(keys)),
            mapper: Arc::new(Nobody),
            rng: Arc::new(Fixed),
            client_keys: ClientKeys::new(Arc::new(Egress::new(EgressPolicy::default()).unwrap())),
        };
        let pages = Arc::new(Pages::load(None, issuer.path(), Arc::new(Fixed)).unwrap());
        let metrics = Arc::new(Metrics::new());
        let plugins_ready = Arc::new(AtomicBool::new(true));
        let ready = Arc::clone(&plugins_ready);
        let state = Arc::new(AppState {
            edge: Arc::new(Edge {
                issuer,
                limits: ServerLimits::default(),
                trusted_proxies: Vec::new(),
                clock: Arc::new(Fixed),
                ids: RequestIds::new(Arc::new(Fixed)),
                pages: Arc::clone(&pages),
                observer: Arc::clone(&metrics) as _,
            }),
            provider: Arc::new(provider),
            authenticator: Arc::new(Nobody),
            accounts: accounts(storage.tenant(&TenantId::default_tenant())),
            pages,
            storage,
            demo: None,
            documents: Documents::default(),
            metrics: Arc::clone(&metrics),
            readiness: vec![ReadinessCheck {
                name: "plugins",
                check: Arc::new(move || ready.load(Ordering::Relaxed)),
            }],
        });
        Self {
            routes: router(&state),
            plugins_ready,
            metrics,
            tenant: Arc::clone(&state.provider.storage),
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.routes.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    async fn token(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(Method::POST, "/api/v1/oauth/token", headers, body)
            .await
    }
}
