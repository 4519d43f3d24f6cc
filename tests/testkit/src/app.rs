//! The whole server in this process, over real HTTP, with the test's clock, randomness and database.

use std::{ops::Deref, sync::Arc, time::Duration};

use authly::{
    app::{App, Parts, World},
    config::{self, Config, Sources},
};
use authly_core::{
    ClientId, Clock, Effects, Rng, SecretText, TenantId, Topic, UserId,
    client::Client,
    ports::{TenantStorage, UpdateOutcome},
};
use authly_oauth::clients::{NewClient, create_client};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    clock::TestClock,
    postgres::{PostgresServer, TestDatabase},
    random::SeededRng,
    routes::TestRoutes,
    site::{Site, TestClient, TestUser},
};

/// Which database a test runs on.
enum Database {
    Sqlite,
    Postgres(TestDatabase),
}

/// How a test wants its server.
pub struct TestAppBuilder {
    database: Database,
    settings: Vec<(String, String)>,
    system_world: bool,
}

impl TestAppBuilder {
    /// A PostgreSQL database of its own on the shared cluster.
    #[must_use]
    pub async fn postgres(self) -> Self {
        let server = PostgresServer::shared().await.expect("PostgreSQL");
        let database = server.create_database().await.expect("a database");
        self.on_database(database)
    }

    /// A database the test made.
    #[must_use]
    pub fn on_database(mut self, database: TestDatabase) -> Self {
        self.database = Database::Postgres(database);
        self
    }

    /// A configuration key, such as `oauth.pkce_required`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The real clock and randomness, for clients that look at a clock of their own.
    #[must_use]
    pub fn system_clock(mut self) -> Self {
        self.system_world = true;
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestApp {
        let dir = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("plugins")).expect("a folder for plugins");
        let clock = Arc::new(TestClock::new());
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(u64::from(std::process::id())));
        let world = if self.system_world {
            World::system()
        } else {
            World {
                clock: Arc::clone(&clock) as _,
                rng: Arc::clone(&rng),
            }
        };
        let world_clock = Arc::clone(&world.clock);
        let config = self.config(&dir);
        let app = App::start(&config, world)
            .await
            .unwrap_or_else(|e| panic!("the server does not start: {e:?}"));
        let url = app.parts.provider.issuer.as_str().to_owned();
        let parts = Arc::clone(&app.parts);
        let routes = TestRoutes::new(app.routes());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            app.serve(async {
                let _ = stopped.await;
            })
            .await;
        });
        let tenant = parts.storage.tenant(&TenantId::default_tenant());
        let site = Site::new(&url, rng);
        TestApp {
            site,
            clock,
            world_clock,
            parts,
            routes,
            tenant,
            dir,
            database: self.database,
            stop: Some(stop),
            serving,
        }
    }

    fn config(&self, dir: &TempDir) -> Config {
        let url = match &self.database {
            Database::Sqlite => format!("sqlite:{}", dir.path().join("authly.db").display()),
            Database::Postgres(database) => database.url().to_owned(),
        };
        let plugins = dir.path().join("plugins").display().to_string();
        let given = [
            ("issuer", "http://127.0.0.1:1"),
            ("listen", "127.0.0.1:0"),
            ("database.url", url.as_str()),
            (
                "keys.encryption_key",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
            ("plugins.dir", plugins.as_str()),
        ];
        // What the test asks for stands in the place of what is given.
        let given = given
            .into_iter()
            .filter(|(key, _)| self.settings.iter().all(|(own, _)| own != key));
        let own = self
            .settings
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let variable = |(key, value): (&str, &str)| {
            (
                format!("AUTHLY__{}", key.to_uppercase().replace('.', "__")).into(),
                value.into(),
            )
        };
        let sources = Sources {
            env: given.chain(own).map(variable).collect(),
            ..Sources::default()
        };
        let mut config = config::load(&sources)
            .unwrap_or_else(|e| panic!("the configuration: {e}"))
            .config;
        config.issuer_follows_listen = true;
        config
    }
}

/// A running server.
pub struct TestApp {
    /// Its address, and what clients and browsers do there; its methods are the server's.
    pub site: Site,
    /// Its clock, unless the test asked for the system's.
    pub clock: Arc<TestClock>,
    /// The one it really looks at.
    world_clock: Arc<dyn Clock>,
    /// The parts behind the routes.
    pub parts: Arc<Parts>,
    /// Its routes without HTTP; they answer after it was stopped, too.
    pub routes: TestRoutes,
    /// Its one tenant's storage, through the same cache the server uses.
    pub tenant: Arc<dyn TenantStorage>,
    dir: TempDir,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// Every scope a person may be asked for.
pub const PERSONAL_SCOPE: &str = "openid profile email address phone offline_access read write";

impl TestApp {
    /// SQLite in a temporary folder, the test's clock, defaults for everything else.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder {
            database: Database::Sqlite,
            settings: Vec::new(),
            system_world: false,
        }
    }

    /// [`builder`](Self::builder), started.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Where the server looks for plugins.
    pub fn plugins_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("plugins")
    }

    /// The PostgreSQL database it runs on.
    pub fn postgres(&self) -> &TestDatabase {
        match &self.database {
            Database::Postgres(database) => database,
            Database::Sqlite => panic!("this server runs on SQLite"),
        }
    }

    /// A public client for code and refresh grants with the redirect URI `https://ID.example/cb`.
    pub async fn public_client(&self, id: &str) -> TestClient {
        self.client(person_client(id, "none")).await
    }

    /// A confidential client (`client_secret_basic`) for code and refresh grants.
    pub async fn confidential_client(&self, id: &str) -> TestClient {
        self.client(person_client(id, "client_secret_basic")).await
    }

    /// As [`confidential_client`](Self::confidential_client), with ID tokens that are signed as access tokens are.
    pub async fn es256_client(&self, id: &str) -> TestClient {
        self.client(NewClient {
            id_token_signed_response_alg: Some("ES256".to_owned()),
            ..person_client(id, "client_secret_basic")
        })
        .await
    }

    /// A confidential client for the client credentials grant with the scopes `read write`.
    pub async fn service_client(&self, id: &str) -> TestClient {
        self.client(NewClient {
            id: Some(id.to_owned()),
            grant_types: vec!["client_credentials".to_owned()],
            scopes: vec!["read".to_owned(), "write".to_owned()],
            ..NewClient::default()
        })
        .await
    }

    /// Any client.
    pub async fn client(&self, new: NewClient) -> TestClient {
        let now = self.now();
        let created = create_client(self.tenant.as_ref(), new, now, self.rng.as_ref())
            .await
            .expect("a client");
        TestClient {
            id: created.client.id.to_string(),
            secret: created.generated_secret.map(|s| s.expose().to_owned()),
            redirect_uri: created.client.redirect_uris.first().cloned().unwrap_or_default(),
        }
    }

    /// Changes a registration, as an operator would.
    pub async fn change_client(&self, client: &TestClient, change: impl FnOnce(&mut Client)) {
        let id = ClientId::parse(&client.id).expect("an id");
        let stored = self.tenant.load_client(&id).await.expect("storage");
        let mut stored = Client::clone(&stored.expect("a client"));
        change(&mut stored);
        let effects = Effects::none().invalidating(Topic::Client, client.id.clone());
        let outcome = self.tenant.update_client(&stored, effects).await;
        assert!(matches!(outcome.expect("storage"), UpdateOutcome::Updated));
    }

    /// A person with a name and an address, not an administrator.
    pub async fn user(&self, username: &str) -> TestUser {
        let claims = json!({
            "name": format!("Test {username}"), "given_name": "Test", "email": format!("{username}@example.com"),
            "email_verified": true, "phone_number": "+49 30 1234", "phone_number_verified": false,
            "address": { "country": "DE", "locality": "Berlin" }, "department": "Research",
        });
        self.user_with(username, claims, false).await
    }

    /// A person with these claims.
    pub async fn user_with(&self, username: &str, claims: Value, is_admin: bool) -> TestUser {
        let password = format!("correct horse {username}");
        let new = authly_accounts::NewUser {
            username: username.to_owned(),
            password: Some(SecretText::new(password.clone())),
            claims: claims.as_object().expect("an object").clone(),
            groups: vec!["staff".to_owned()],
            is_admin,
        };
        let passwords = &self.parts.passwords;
        let user = authly_accounts::create_user(
            self.tenant.as_ref(),
            passwords,
            new,
            self.now(),
            self.rng.as_ref(),
        )
        .await
        .expect("a person");
        TestUser {
            id: user.id.to_string(),
            username: username.to_owned(),
            password,
        }
    }

    /// Disables or enables a person.
    pub async fn set_user_enabled(&self, user: &TestUser, enabled: bool) {
        let id = UserId::from_uuid(user.id.parse().expect("a UUID"));
        let done = self
            .tenant
            .set_user_enabled(id, enabled, self.now(), Effects::none())
            .await;
        assert!(done.expect("storage"));
    }

    /// Disables or enables a client.
    pub async fn set_client_enabled(&self, client: &TestClient, enabled: bool) {
        let id = ClientId::parse(&client.id).expect("an id");
        let effects = Effects::none().invalidating(authly_core::Topic::Client, client.id.clone());
        assert!(
            self.tenant
                .set_client_enabled(&id, enabled, effects)
                .await
                .expect("storage")
        );
    }

    /// What the server's clock says.
    pub fn now(&self) -> authly_core::Timestamp {
        self.world_clock.now()
    }

    /// Moves the server's clock.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Stops it gracefully and waits.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        (&mut self.serving).await.expect("a graceful end");
    }
}

impl Deref for TestApp {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn person_client(id: &str, method: &str) -> NewClient {
    NewClient {
        id: Some(id.to_owned()),
        name: Some(format!("The {id} application")),
        redirect_uris: vec![format!("https://{id}.example/cb")],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: PERSONAL_SCOPE.split(' ').map(str::to_owned).collect(),
        token_endpoint_auth_method: Some(method.to_owned()),
        ..NewClient::default()
    }
}
