//! A migrated database of its own for each test, and a few domain values.

use std::sync::Arc;

use authly_core::{
    ClientId, Effects, GrantId, PlainToken, Rng, ScopeSet, SecretBytes, TenantId, Timestamp, TokenHash,
    UserId,
    claims_request::ClaimsRequest,
    grant::{AuthorizationCode, Grant, RefreshToken},
    ports::{Completion, RedeemEffects, Redemption, Rotation, Storage, TenantStorage},
    user::User,
};
use authly_storage::{DatabaseConfig, Sealer};
use authly_testkit::postgres::{PostgresServer, TestDatabase};
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Counts up: every draw differs, every run is the same.
#[derive(Default)]
pub struct CountingRng(std::sync::atomic::AtomicU64);

impl Rng for CountingRng {
    fn fill(&self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(8) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            chunk.copy_from_slice(&next.to_be_bytes()[8 - chunk.len()..]);
        }
    }
}

pub fn sealer() -> Sealer {
    Sealer::new(&SecretBytes::new(vec![7; 32]), Arc::new(CountingRng::default())).unwrap()
}

pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + secs)
}

/// An open storage on a migrated database.
pub struct Fixture {
    pub storage: Arc<dyn Storage>,
    pub tenant: Arc<dyn TenantStorage>,
    pub database: TestDatabase,
}

impl Fixture {
    pub async fn new() -> Self {
        Self::on(&PostgresServer::shared().await.unwrap()).await
    }

    pub async fn on(server: &PostgresServer) -> Self {
        let database = migrated(server).await;
        let storage = authly_storage::open(&DatabaseConfig::new(database.url()), sealer())
            .await
            .unwrap();
        let tenant = storage.tenant(&TenantId::default_tenant());
        Self {
            storage,
            tenant,
            database,
        }
    }

    /// Another node on the same database.
    pub async fn another_node(&self) -> Arc<dyn Storage> {
        authly_storage::open(&DatabaseConfig::new(self.database.url()), sealer())
            .await
            .unwrap()
    }

    /// A connection beside the pool, for what another transaction does meanwhile.
    pub async fn connect(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(self.database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Waits until some statement of another connection waits for a lock.
    pub async fn until_somebody_waits(&self, observer: &tokio_postgres::Client) {
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock'";
        while observer.query(waiting, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// A person's grant with its unspent code, `code`.
    pub async fn issue_code(&self, code: &str) -> Grant {
        let user = user(code);
        self.tenant
            .create_user(&user, None, Effects::none())
            .await
            .unwrap();
        let grant = grant(user.id);
        let completion = Completion {
            interaction: None,
            consent: None,
            relies_on: None,
            grant: grant.clone(),
            code: authorization_code(code, &grant),
            now: NOW,
        };
        self.tenant
            .complete_interaction(completion, Effects::none())
            .await
            .unwrap();
        grant
    }

    /// As [`issue_code`](Self::issue_code), and spends it for the refresh token `token`.
    pub async fn issue_refresh(&self, token: &str) -> Grant {
        let grant = self.issue_code(token).await;
        let redeemed = self
            .tenant
            .redeem_code(redemption(token, &grant), RedeemEffects::default())
            .await;
        assert_eq!(redeemed.unwrap(), authly_core::ports::RedeemOutcome::Redeemed);
        grant
    }
}

/// A migrated database.
pub async fn migrated(server: &PostgresServer) -> TestDatabase {
    let migrate = async |url: String| {
        authly_storage::migrate(&DatabaseConfig::new(url)).await?;
        Ok(())
    };
    server.create_database_from("migrated", migrate).await.unwrap()
}

/// Runs `query` for its one number.
pub async fn number(client: &tokio_postgres::Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

pub fn hash(text: &str) -> TokenHash {
    PlainToken::presented(text).unwrap().hash()
}

fn id(text: &str) -> Uuid {
    Uuid::from_slice(&hash(text).as_bytes()[..16]).unwrap()
}

pub fn client_id() -> ClientId {
    ClientId::parse("client").unwrap()
}

pub fn scope() -> ScopeSet {
    ScopeSet::parse("offline_access openid").unwrap()
}

pub fn user(name: &str) -> User {
    User {
        id: UserId::from_uuid(id(name)),
        username: name.to_owned(),
        claims: serde_json::Map::new(),
        groups: vec![],
        is_admin: false,
        enabled: true,
        pseudonym: id("pseudonym"),
        created_at: NOW,
        updated_at: NOW,
        verified: true,
        requires_password_change: false,
        password_changed_at: None,
        last_login_at: None,
        version: 0,
    }
}

pub fn grant(user_id: UserId) -> Grant {
    Grant {
        id: GrantId::from_uuid(user_id.as_uuid()),
        client_id: client_id(),
        user_id,
        scope: scope(),
        auth_time: NOW,
        amr: vec!["pwd".to_owned()],
        claims: ClaimsRequest::default(),
        session_id: None,
        created_at: NOW,
        expires_at: at(1_000_000),
        revoked_at: None,
    }
}

pub fn authorization_code(code: &str, grant: &Grant) -> AuthorizationCode {
    AuthorizationCode {
        hash: hash(code),
        grant_id: grant.id,
        client_id: client_id(),
        redirect_uri: "https://client.example/cb".to_owned(),
        redirect_uri_given: true,
        code_challenge: None,
        nonce: None,
        scope: scope(),
        created_at: NOW,
        expires_at: at(60),
        consumed_at: None,
    }
}

pub fn refresh_token(token: &str, grant: &Grant) -> RefreshToken {
    RefreshToken {
        hash: hash(token),
        grant_id: grant.id,
        client_id: client_id(),
        scope: scope(),
        created_at: NOW,
        expires_at: at(100_000),
        consumed_at: None,
    }
}

/// Spends the code `name` for the refresh token `name`.
pub fn redemption(name: &str, grant: &Grant) -> Redemption {
    Redemption {
        hash: hash(name),
        refresh_token: Some(refresh_token(name, grant)),
        access_token: None,
        now: at(1),
    }
}

/// Rotates the token `from` to `to`, 10 s after the beginning, with a grace of 30 s.
pub fn rotation(from: &str, to: &str, grant: &Grant) -> Rotation {
    Rotation {
        hash: hash(from),
        successor: refresh_token(to, grant),
        access_token: None,
        nonce: SecretBytes::new(b"nonce".to_vec()),
        grace: std::time::Duration::from_secs(30),
        now: at(10),
    }
}
