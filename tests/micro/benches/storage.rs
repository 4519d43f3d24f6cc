//! The verbs of storage that requests wait for, one at a time, without the cache: SQLite in a file and PostgreSQL as
//! shipped, so that each write is on the disk when it is answered.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot go on stops and says where"
)]

use std::{sync::Arc, time::Duration};

use authly_core::{
    Effects, GrantId, PlainToken, Rng, ScopeSet, SecretBytes, SessionId, TenantId, Timestamp, TokenHash,
    UserId,
    claims_request::ClaimsRequest,
    client::Client,
    grant::{AuthorizationCode, Grant, RefreshToken},
    ports::{
        CompleteOutcome, Completion, RedeemEffects, RedeemOutcome, Redemption, RotateEffects, RotateOutcome,
        Rotation, StartOutcome, TenantStorage,
    },
    session::Session,
    user::User,
};
use authly_storage::{DatabaseConfig, Sealer};
use authly_testkit::{TestApp, postgres::PostgresServer, random::SeededRng};
use criterion::{BatchSize, Criterion};
use tokio::runtime::Runtime;

/// When everything happens.
const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Runtime::new().expect("a runtime");
    let app = runtime.block_on(TestApp::start());
    let (client, user) = runtime.block_on(parties(&app));

    let dir = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", dir.path().join("authly.db").display());
    let sqlite = runtime.block_on(Bench::open("SQLite", &url, &client, &user));
    verbs(&mut criterion, &runtime, &sqlite);
    drop(sqlite);

    let server = runtime
        .block_on(PostgresServer::start_durable())
        .expect("PostgreSQL");
    let database = runtime.block_on(server.create_database()).expect("a database");
    let postgres = runtime.block_on(Bench::open("PostgreSQL", database.url(), &client, &user));
    verbs(&mut criterion, &runtime, &postgres);

    runtime.block_on(app.stop());
    criterion.final_summary();
}

/// A client and a person as the server makes them.
async fn parties(app: &TestApp) -> (Client, User) {
    let client = app.confidential_client("web").await;
    let client = authly_core::ClientId::parse(&client.id).expect("an id");
    let user = UserId::from_uuid(app.user("alice").await.id.parse().expect("a UUID"));
    let client = app.tenant.load_client(&client).await.expect("storage");
    let user = app.tenant.load_user(user).await.expect("storage");
    (
        Client::clone(&client.expect("a client")),
        User::clone(&user.expect("a person")),
    )
}

/// A database with one client, one person and their session.
struct Bench {
    name: &'static str,
    tenant: Arc<dyn TenantStorage>,
    rng: SeededRng,
    client: Client,
    session: Session,
}

impl Bench {
    async fn open(name: &'static str, url: &str, client: &Client, user: &User) -> Self {
        let config = DatabaseConfig::new(url);
        let sealer =
            Sealer::new(&SecretBytes::new(vec![7; 32]), Arc::new(SeededRng::new(1))).expect("a sealer");
        authly_storage::migrate(&config).await.expect("a schema");
        let storage = authly_storage::open(&config, sealer).await.expect("a database");
        let tenant = storage.tenant(&TenantId::default_tenant());
        let rng = SeededRng::new(2);
        let session = Session {
            id: SessionId::generate(NOW, &rng),
            hash: PlainToken::generate(&rng).hash(),
            user_id: user.id,
            auth_time: NOW,
            amr: vec!["pwd".to_owned()],
            created_at: NOW,
            expires_at: NOW.plus(Duration::from_hours(1)),
            last_seen_at: NOW,
            user_agent: None,
            address: None,
        };
        let none = Effects::none;
        tenant.create_client(client, none()).await.expect("a client");
        tenant.create_user(user, None, none()).await.expect("a person");
        let started = tenant.start_session(&session, user.password_changed_at, None, none());
        assert!(matches!(started.await.expect("storage"), StartOutcome::Started));
        Self {
            name,
            tenant,
            rng,
            client: client.clone(),
            session,
        }
    }

    fn hash(&self) -> TokenHash {
        PlainToken::generate(&self.rng).hash()
    }

    fn completion(&self) -> Completion {
        let scope = ScopeSet::parse("openid offline_access").expect("a scope");
        let ends = NOW.plus(Duration::from_hours(1));
        let grant = Grant {
            id: GrantId::generate(NOW, &self.rng),
            client_id: self.client.id.clone(),
            user_id: self.session.user_id,
            scope: scope.clone(),
            auth_time: NOW,
            amr: vec!["pwd".to_owned()],
            claims: ClaimsRequest::default(),
            session_id: Some(self.session.id),
            created_at: NOW,
            expires_at: ends,
            revoked_at: None,
        };
        let code = AuthorizationCode {
            hash: self.hash(),
            grant_id: grant.id,
            client_id: grant.client_id.clone(),
            redirect_uri: "https://web.example/cb".to_owned(),
            redirect_uri_given: true,
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            nonce: Some("n-1".to_owned()),
            scope,
            created_at: NOW,
            expires_at: ends,
            consumed_at: None,
        };
        Completion {
            interaction: None,
            consent: None,
            relies_on: None,
            grant,
            code,
            now: NOW,
        }
    }

    async fn complete(&self, completion: Completion) {
        let outcome = self
            .tenant
            .complete_interaction(completion, Effects::none())
            .await;
        assert_eq!(outcome.expect("storage"), CompleteOutcome::Completed);
    }

    fn refresh_token(&self, grant: &Grant) -> RefreshToken {
        RefreshToken {
            hash: self.hash(),
            grant_id: grant.id,
            client_id: grant.client_id.clone(),
            scope: grant.scope.clone(),
            created_at: NOW,
            expires_at: grant.expires_at,
            consumed_at: None,
        }
    }

    /// Spends the code; answers the refresh token that came of it.
    async fn redeem(&self, completion: &Completion) -> RefreshToken {
        let token = self.refresh_token(&completion.grant);
        let redemption = Redemption {
            hash: completion.code.hash,
            refresh_token: Some(token.clone()),
            access_token: None,
            now: NOW,
        };
        let outcome = self
            .tenant
            .redeem_code(redemption, RedeemEffects::default())
            .await;
        assert_eq!(outcome.expect("storage"), RedeemOutcome::Redeemed);
        token
    }

    /// Rotates a token; answers the next.
    async fn rotate(&self, token: &RefreshToken, grant: &Grant) -> RefreshToken {
        let successor = self.refresh_token(grant);
        let mut nonce = vec![0; 32];
        self.rng.fill(&mut nonce);
        let rotation = Rotation {
            hash: token.hash,
            successor: successor.clone(),
            nonce: SecretBytes::new(nonce),
            access_token: None,
            grace: Duration::from_secs(10),
            now: NOW,
        };
        let outcome = self
            .tenant
            .rotate_refresh(rotation, RotateEffects::default())
            .await;
        assert!(matches!(outcome.expect("storage"), RotateOutcome::Rotated));
        successor
    }
}

fn verbs(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench) {
    let completed = bench.completion();
    runtime.block_on(bench.complete(completed.clone()));
    reads(criterion, runtime, bench, &completed);
    writes(criterion, runtime, bench);
}

fn reads(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench, completed: &Completion) {
    let tenant = &bench.tenant;
    let name = |verb: &str| format!("{} {verb}", bench.name);
    criterion.bench_function(&name("load_client"), |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(tenant.load_client(&bench.client.id))
                .expect("storage")
        });
    });
    criterion.bench_function(&name("load_session"), |bencher| {
        let hash = &bench.session.hash;
        bencher.iter(|| {
            let loaded = tenant.load_session(hash, Some(&bench.client.id), NOW);
            runtime.block_on(loaded).expect("storage")
        });
    });
    criterion.bench_function(&name("load_grant"), |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(tenant.load_grant(completed.grant.id))
                .expect("storage")
        });
    });
    criterion.bench_function(&name("load_standing"), |bencher| {
        let grant = Some(completed.grant.id);
        bencher.iter(|| {
            let loaded = tenant.load_standing(Some("0198c2a2-6c1f-7f00-8000-000000000002"), grant);
            runtime.block_on(loaded).expect("storage")
        });
    });
    criterion.bench_function(&name("load_code"), |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(tenant.load_code(&completed.code.hash))
                .expect("storage")
        });
    });
    let token = runtime.block_on(bench.redeem(completed));
    criterion.bench_function(&name("load_refresh"), |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(tenant.load_refresh(&token.hash))
                .expect("storage")
        });
    });
}

fn writes(criterion: &mut Criterion, runtime: &Runtime, bench: &Bench) {
    let name = |verb: &str| format!("{} {verb}", bench.name);
    let completed = || {
        let completion = bench.completion();
        runtime.block_on(bench.complete(completion.clone()));
        completion
    };
    criterion.bench_function(&name("complete_interaction"), |bencher| {
        bencher.iter(|| runtime.block_on(bench.complete(bench.completion())));
    });
    criterion.bench_function(&name("redeem_code"), |bencher| {
        let redeem = |completion: Completion| runtime.block_on(bench.redeem(&completion));
        bencher.iter_batched(completed, redeem, BatchSize::PerIteration);
    });
    criterion.bench_function(&name("rotate_refresh"), |bencher| {
        let family = completed();
        let mut token = runtime.block_on(bench.redeem(&family));
        bencher.iter(|| token = runtime.block_on(bench.rotate(&token, &family.grant)));
    });
}
