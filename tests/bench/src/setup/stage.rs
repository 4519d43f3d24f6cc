//! A server on one of the databases, with so many plugins, a client and people.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use authly_testkit::{
    Site, TestClient, TestUser,
    client::{Form, basic},
    postgres::{PostgresServer, TestDatabase},
    process::ServerProcess,
    random::SeededRng,
};
use serde_json::Value;

use super::plugins;
use crate::{
    load::{Spec, Work},
    plan::Plan,
};

/// What is out of the way of a load from one address (an attempt counts as failed until it has succeeded), and a log as
/// of a quiet day. Begins in the configuration's section `server`.
const SETTINGS: &str = "authorize_rate_per_minute = 1000000\nauthorize_burst = 1000000\n\n[login]\n\
                        account_free_failures = 1000\naddress_free_failures = 100000\n\n[log]\nlevel = \"warn\"\n";

/// More lines of that section.
const FROM_ONE_ADDRESS: &str = "connections_per_address_max = 8192\n";

/// The client's redirect URI.
const REDIRECT_URI: &str = "https://bench.example/cb";

/// What people are asked for; a scope of the client's own stands for an API.
pub const SCOPE: &str = "openid profile offline_access";

/// More people than this make no difference, and each takes an Argon2id to make.
const PEOPLE_MAX: usize = 16;

/// Where a server keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file beside it.
    Sqlite,
    /// A server of its own with PostgreSQL's own settings.
    Postgres,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A running server and who uses it.
pub struct Stage {
    /// The server.
    pub server: ServerProcess,
    /// The same, as clients and browsers see it.
    pub site: Site,
    /// A confidential client with every grant type.
    pub client: TestClient,
    /// People who may sign in.
    pub people: Vec<TestUser>,
    /// So many claim plugins are loaded.
    pub plugins: usize,
    /// Its database, unless that is SQLite's.
    pub database: Option<TestDatabase>,
}

impl Stage {
    /// Starts a server on an empty database of `postgres`, or on an SQLite file.
    ///
    /// # Errors
    /// When a plugin was not built or the database cannot be made.
    ///
    /// # Panics
    /// Where the test kit does: when the server does not start.
    pub async fn open(plan: &Plan, postgres: Option<&PostgresServer>, plugins: usize) -> Result<Self> {
        Self::start(plan, postgres, plugins, FROM_ONE_ADDRESS).await
    }

    /// Starts a server on an SQLite file, without plugins, with more lines in its configuration's section `server`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Panics
    /// As [`open`](Self::open).
    pub async fn open_with(plan: &Plan, server: &str) -> Result<Self> {
        Self::start(plan, None, 0, server).await
    }

    async fn start(
        plan: &Plan,
        postgres: Option<&PostgresServer>,
        plugins: usize,
        server: &str,
    ) -> Result<Self> {
        let database = match postgres {
            Some(server) => Some(server.create_database().await?),
            None => None,
        };
        let settings = format!("\n[server]\n{server}{SETTINGS}");
        let mut server = ServerProcess::prepare(database.as_ref().map(TestDatabase::url), &settings);
        plugins::install(&server.plugins_dir(), plugins)?;
        server.start();
        let seed = u64::from(server.pid().unwrap_or_default());
        let people = (0..plan.callers().min(PEOPLE_MAX)).map(|nth| person(&server, nth));
        Ok(Self {
            site: Site::new(&server.url, Arc::new(SeededRng::new(seed))),
            client: register(&server),
            people: people.collect::<Result<_>>()?,
            server,
            plugins,
            database,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        let (_, address) = self.server.url.split_once("://").context("an issuer")?;
        Ok(address.parse()?)
    }

    /// The postmaster of its database.
    pub fn postmaster(&self) -> Option<u32> {
        self.database.as_ref()?.server().postmaster()
    }

    /// SQLite's file.
    pub fn sqlite_file(&self) -> PathBuf {
        self.server.plugins_dir().with_file_name("authly.db")
    }

    /// An order that measures `work` as the plan says.
    pub fn order(&self, plan: &Plan, callers: usize, work: Work) -> Result<Spec> {
        Ok(Spec {
            address: self.address()?,
            callers,
            warm_up: Plan::WARM_UP,
            measured: plan.measured(),
            answers_max: None,
            collect: None,
            server: Some(self.server.pid().context("the server does not run")?),
            postmaster: self.postmaster(),
            work,
        })
    }

    /// `Authorization` of the client.
    pub fn authorization(&self) -> String {
        basic(&self.client.id, self.client.secret.as_deref().unwrap_or_default())
    }

    /// One of the people, over and over.
    pub fn person(&self, nth: usize) -> Result<&TestUser> {
        let index = nth % self.people.len().max(1);
        self.people.get(index).context("nobody was made")
    }

    /// Tokens of a person who signed in and consented, checked to have what the plugins map.
    pub async fn tokens(&self, nth: usize) -> Result<Value> {
        let tokens = self.site.tokens(&self.client, self.person(nth)?, SCOPE).await;
        let access_token = text(&tokens, "access_token")?;
        plugins::check_mapped(access_token, self.plugins)?;
        Ok(tokens)
    }

    /// The `Cookie` of a browser that a person has signed in to and that has consented.
    pub async fn session(&self, nth: usize) -> Result<String> {
        let mut browser = self.site.browser();
        let (request, _) = self.site.authorization(&self.client, SCOPE);
        self.site.grant(&mut browser, &request, self.person(nth)?).await;
        let pairs = browser
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        Ok(pairs.collect::<Vec<_>>().join("; "))
    }

    /// The body of a good answer of the token endpoint.
    pub async fn token_answer(&self, form: &Form) -> Result<String> {
        let answer = self.site.token(&self.client, form).await;
        anyhow::ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
        Ok(answer.body)
    }
}

/// A string of a JSON object.
pub fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str> {
    json.get(name)
        .and_then(Value::as_str)
        .with_context(|| format!("no {name} in {json}"))
}

fn register(server: &ServerProcess) -> TestClient {
    let mut args = vec!["admin", "client", "create", "--id", "bench"];
    args.extend(["--redirect-uri", REDIRECT_URI, "--output", "json"]);
    for grant in ["authorization_code", "refresh_token", "client_credentials"] {
        args.extend(["--grant-type", grant]);
    }
    // ES256 for both kinds of token: an RS256 signature costs a third of a millisecond, whoever makes it.
    args.extend(["--id-token-alg", "ES256"]);
    let scope = format!("{SCOPE} read");
    args.extend(["--scope", &scope]);
    let client = server.authly_json(&args, "");
    TestClient {
        id: "bench".to_owned(),
        secret: text(&client, "client_secret").ok().map(str::to_owned),
        redirect_uri: REDIRECT_URI.to_owned(),
    }
}

fn person(server: &ServerProcess, nth: usize) -> Result<TestUser> {
    let username = format!("person-{nth}");
    let password = "a long pass phrase";
    let claim = format!("{}={}", plugins::ATTRIBUTE, plugins::VALUE);
    let mut args = vec![
        "admin",
        "user",
        "create",
        "--username",
        &username,
        "--password-stdin",
    ];
    args.extend(["--claim", &claim, "--group", "staff", "--output", "json"]);
    let made = server.authly_json(&args, password);
    Ok(TestUser {
        id: text(&made, "id")?.to_owned(),
        username,
        password: password.to_owned(),
    })
}
