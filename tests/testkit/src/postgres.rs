//! PostgreSQL for tests: one throw-away cluster per test process, started from the installed programs when the first
//! test asks, and one database per test.
//!
//! The server listens on a socket in a private temporary directory only. It ends with the process that started it,
//! however that ends; nothing is left on disk.

mod cluster;
mod install;
mod round_trips;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use cluster::Cluster;
use tokio_postgres::NoTls;

pub use round_trips::{RoundTrip, RoundTrips};

/// The cluster's only role, a superuser.
const SUPERUSER: &str = "authly";

/// The database every cluster has.
const MAINTENANCE_DATABASE: &str = "postgres";

/// How long a server may take to answer after its start: a loaded machine is slow, a broken one is for ever.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How often a starting server is tried.
const START_POLL: Duration = Duration::from_millis(10);

/// A throw-away PostgreSQL server.
#[derive(Clone, Debug)]
pub struct PostgresServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket_dir: PathBuf,
    cluster: Mutex<Cluster>,
    counter: AtomicU64,
    /// Databases whose [`TestDatabase`] is gone; the next one made removes them.
    dropped: Mutex<Vec<String>>,
    /// Names of the templates that are ready. Held while one is being made.
    templates: tokio::sync::Mutex<HashSet<String>>,
}

impl PostgresServer {
    /// The server that all tests of this process share, started when first asked for.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    pub async fn shared() -> anyhow::Result<Self> {
        static SHARED: tokio::sync::OnceCell<PostgresServer> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_try_init(Self::start_dedicated).await.cloned()
    }

    /// A server of the caller's own, for tests that stop it. It ends when the last clone and the last database of it
    /// are dropped.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub async fn start_dedicated() -> anyhow::Result<Self> {
        Self::start_with(cluster::FAST).await
    }

    /// A server of the caller's own with PostgreSQL's own settings, so that every commit waits for the disk: for
    /// measurements.
    ///
    /// # Errors
    /// As [`shared`](Self::shared).
    pub async fn start_durable() -> anyhow::Result<Self> {
        Self::start_with(cluster::DURABLE).await
    }

    async fn start_with(settings: &'static [&'static str]) -> anyhow::Result<Self> {
        let cluster = blocking(move || Cluster::create(settings)).await?;
        let server = Self {
            inner: Arc::new(Inner {
                socket_dir: cluster.socket_dir().to_owned(),
                cluster: Mutex::new(cluster),
                counter: AtomicU64::new(0),
                dropped: Mutex::default(),
                templates: tokio::sync::Mutex::default(),
            }),
        };
        server.start().await?;
        Ok(server)
    }

    /// Starts the server again, at the same address with the same data, and waits until it answers.
    ///
    /// # Errors
    /// When it does not answer within a minute; the message holds its log.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.with_cluster(Cluster::start).await?;
        let answered = tokio::time::timeout(START_TIMEOUT, async {
            while self.execute(MAINTENANCE_DATABASE, "SELECT 1").await.is_err() {
                tokio::time::sleep(START_POLL).await;
            }
        });
        answered.await.map_err(|_| {
            let log = cluster::log_of(&self.inner.socket_dir);
            anyhow::anyhow!("PostgreSQL did not answer within {START_TIMEOUT:?}. Its log:\n{log}")
        })
    }

    /// Stops the server at once, cutting off every client. What was committed is kept for [`start`](Self::start).
    ///
    /// # Errors
    /// When its watchdog process was killed.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.with_cluster(Cluster::stop).await
    }

    /// An empty database.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn create_database(&self) -> anyhow::Result<TestDatabase> {
        self.create("template0").await
    }

    /// A copy of the template called `name`, which `prepare` fills (given its URL) when it is first asked for.
    /// `prepare` must close its connections: PostgreSQL copies only a database that nobody uses.
    ///
    /// # Errors
    /// Those of `prepare`, and when the server refuses or does not answer.
    pub async fn create_database_from<F>(&self, name: &str, prepare: F) -> anyhow::Result<TestDatabase>
    where
        F: AsyncFnOnce(String) -> anyhow::Result<()>,
    {
        let template = format!("template_{name}");
        let mut ready = self.inner.templates.lock().await;
        if !ready.contains(&template) {
            // A `prepare` that failed before has left an unusable half.
            self.admin(&format!("DROP DATABASE IF EXISTS {template} WITH (FORCE)"))
                .await?;
            self.admin(&format!("CREATE DATABASE {template} TEMPLATE template0"))
                .await?;
            prepare(self.url(&template)).await?;
            ready.insert(template.clone());
        }
        drop(ready);
        self.create(&template).await
    }

    /// The process id of its postmaster, while it runs.
    pub fn postmaster(&self) -> Option<u32> {
        cluster::postmaster_of(&self.inner.socket_dir)
    }

    /// The directory of its socket: the host of a connection that is not given a URL.
    pub fn socket_dir(&self) -> &Path {
        &self.inner.socket_dir
    }

    async fn create(&self, template: &str) -> anyhow::Result<TestDatabase> {
        let dropped = std::mem::take(&mut *lock(&self.inner.dropped));
        for name in dropped {
            self.admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                .await?;
        }
        let name = format!("test_{}", self.inner.counter.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await?;
        Ok(TestDatabase {
            url: self.url(&name),
            name,
            server: self.clone(),
        })
    }

    fn url(&self, database: &str) -> String {
        let host = percent_encode_path(&self.inner.socket_dir);
        format!("postgres://{SUPERUSER}@{host}/{database}")
    }

    async fn admin(&self, sql: &str) -> anyhow::Result<()> {
        self.execute(MAINTENANCE_DATABASE, sql)
            .await
            .with_context(|| format!("PostgreSQL refused: {sql}"))
    }

    /// Every call has a connection of its own: a kept one would belong to the runtime of the test that opened it.
    async fn execute(&self, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        let driver = tokio::spawn(connection);
        let outcome = client.batch_execute(sql).await;
        drop(client);
        drop(driver.await);
        outcome
    }

    async fn with_cluster<T, F>(&self, step: F) -> anyhow::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Cluster) -> anyhow::Result<T> + Send + 'static,
    {
        let inner = Arc::clone(&self.inner);
        blocking(move || step(&mut lock(&inner.cluster))).await
    }
}

/// A database of one test. It is removed some time after it is dropped, or with its server.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
    server: PostgresServer,
}

impl TestDatabase {
    /// How to connect, as the superuser: `postgres://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn server(&self) -> &PostgresServer {
        &self.server
    }

    /// Runs statements, for what a test cannot reach through the program it tests.
    ///
    /// # Errors
    /// What the server says.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        Ok(self.server.execute(&self.name, sql).await?)
    }

    /// Removes it now, cutting off whoever still uses it.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn remove(self) -> anyhow::Result<()> {
        self.server
            .admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
            .await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        lock(&self.server.inner.dropped).push(std::mem::take(&mut self.name));
    }
}

/// A test that panicked left the state whole: every change of it is one call.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("a fixture step panicked")?
}

/// A path as the host of a URL.
fn percent_encode_path(path: &Path) -> String {
    let mut encoded = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            let digit = |value: u8| {
                char::from_digit(u32::from(value), 16)
                    .unwrap_or('0')
                    .to_ascii_uppercase()
            };
            encoded.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_database_is_a_fresh_copy_of_its_template() {
        let server = PostgresServer::shared().await.unwrap();
        let fill = async |url: String| {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            let driver = tokio::spawn(connection);
            client.batch_execute("CREATE TABLE t (n int)").await?;
            drop(client);
            driver.await??;
            Ok(())
        };
        let first = server.create_database_from("filled", fill).await.unwrap();
        first.execute("INSERT INTO t VALUES (1)").await.unwrap();
        let unused = async |_: String| anyhow::bail!("the template is made once");
        let second = server.create_database_from("filled", unused).await.unwrap();
        second
            .execute("DO $$ BEGIN ASSERT (SELECT count(*) FROM t) = 0; END $$")
            .await
            .unwrap();
        let empty = server.create_database().await.unwrap();
        empty.execute("SELECT * FROM t").await.unwrap_err();
        empty.remove().await.unwrap();
    }

    #[tokio::test]
    async fn stopped_server_refuses_and_started_again_has_its_data() {
        let server = PostgresServer::start_dedicated().await.unwrap();
        let database = server.create_database().await.unwrap();
        database.execute("CREATE TABLE kept (n int)").await.unwrap();
        server.stop().await.unwrap();
        database.execute("SELECT 1").await.unwrap_err();
        server.start().await.unwrap();
        database.execute("SELECT * FROM kept").await.unwrap();
        let directory = server.inner.socket_dir.clone();
        drop((database, server));
        // The watchdog removes it on its own time; its end is what we wait for.
        let gone = tokio::time::timeout(START_TIMEOUT, async {
            while directory.exists() {
                tokio::time::sleep(START_POLL).await;
            }
        });
        gone.await.unwrap();
    }

    #[test]
    fn socket_path_is_a_host() {
        assert_eq!(percent_encode_path(Path::new("/tmp/a b")), "%2Ftmp%2Fa%20b");
    }
}
