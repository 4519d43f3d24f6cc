//! What only a file can get wrong: opening it, sharing it with another process, and dying over it.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use authly_core::{
    Effects, StorageError, TenantId,
    ports::{Page, Storage},
};
use authly_storage::{DatabaseConfig, MigrateError};

use crate::contract::fixtures::{client, client_id, sealer};

fn config(path: &Path) -> DatabaseConfig {
    DatabaseConfig::new(format!("sqlite:{}", path.display()))
}

/// The refusal to open, as the migration error inside.
async fn refusal(config: &DatabaseConfig) -> MigrateError {
    match authly_storage::open(config, sealer(1)).await {
        Err(StorageError::Backend(source)) => *source.downcast().unwrap(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("opened"),
    }
}

#[tokio::test]
async fn a_file_that_is_not_migrated_is_not_served_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory.path().join("authly.db"));
    assert!(matches!(refusal(&config).await, MigrateError::Missing { .. }));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    std::fs::write(directory.path().join("authly.db"), []).unwrap();
    assert!(matches!(
        refusal(&config).await,
        MigrateError::Behind { found: 0, .. }
    ));
    let report = authly_storage::migrate(&config).await.unwrap();
    assert_eq!(report.applied.first().map(String::as_str), Some("0001_core"));
    assert!(authly_storage::migrate(&config).await.unwrap().applied.is_empty());
    let storage = authly_storage::open(&config, sealer(1)).await.unwrap();
    storage.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_in_memory_needs_nothing_and_is_its_own() {
    let config = DatabaseConfig::new("sqlite::memory:");
    let open = async || authly_storage::open(&config, sealer(1)).await.unwrap();
    let (one, two) = (open().await, open().await);
    let tenant = TenantId::default_tenant();
    let app = client("app");
    one.tenant(&tenant)
        .create_client(&app, Effects::none())
        .await
        .unwrap();
    let load = async |storage: &dyn Storage| storage.tenant(&tenant).load_client(&app.id).await.unwrap();
    assert_eq!(load(&*one).await.as_deref(), Some(&app));
    assert_eq!(load(&*two).await, None);
}

#[tokio::test]
async fn a_write_waits_for_the_lock_and_then_says_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authly.db");
    let mut config = config(&path);
    config.lock_timeout = Duration::from_millis(20);
    authly_storage::migrate(&config).await.unwrap();
    let storage = authly_storage::open(&config, sealer(1)).await.unwrap();
    let tenant = storage.tenant(&TenantId::default_tenant());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = tenant.create_client(&client("app"), Effects::none()).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "never a no");
    assert_eq!(
        tenant.load_client(&client_id("app")).await.unwrap(),
        None,
        "reads go on"
    );
    other.execute_batch("COMMIT").unwrap();
    tenant
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_job_takes_no_other_of_its_batch_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(&directory.path().join("authly.db"));
    authly_storage::migrate(&config).await.unwrap();
    let storage = authly_storage::open(&config, sealer(1)).await.unwrap();
    let jobs: Vec<_> = (0..200)
        .map(|i| {
            let tenant = storage.tenant(&TenantId::default_tenant());
            // Every name twice: of each pair one is refused.
            let client = client(&format!("c{:03}", i / 2));
            tokio::spawn(async move { tenant.create_client(&client, Effects::none()).await.is_ok() })
        })
        .collect();
    let mut created = 0;
    for job in jobs {
        created += usize::from(job.await.unwrap());
    }
    let page = Page {
        after: None,
        limit: 500,
    };
    let listed = storage
        .tenant(&TenantId::default_tenant())
        .list_clients(&page)
        .await;
    assert_eq!((created, listed.unwrap().len()), (100, 100));
}

/// Names the file to the child below; without it the child does nothing.
const CHILD_FILE: &str = "AUTHLY_TEST_SQLITE_FILE";

/// What the child's names begin with.
const CHILD_PREFIX: &str = "AUTHLY_TEST_SQLITE_PREFIX";

/// The child of the test below: writes until it is killed, and prints each name once it was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how a test process is told what it is")]
async fn child_that_writes_until_it_is_killed() {
    let Ok(path) = std::env::var(CHILD_FILE) else {
        return;
    };
    let prefix = std::env::var(CHILD_PREFIX).unwrap();
    let storage = authly_storage::open(&config(Path::new(&path)), sealer(1))
        .await
        .unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (tenant, prefix) = (storage.tenant(&TenantId::default_tenant()), prefix.clone());
            tokio::spawn(async move {
                for i in 0.. {
                    let name = format!("{prefix}-{writer}-{i}");
                    tenant
                        .create_client(&client(&name), Effects::none())
                        .await
                        .unwrap();
                    println!("acknowledged {name}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("authly.db");
    authly_storage::migrate(&config(&path)).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "process::child_that_writes_until_it_is_killed",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD_FILE, &path)
            .env(CHILD_PREFIX, format!("round{round}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut name_of = |line: std::io::Result<String>| {
            line.unwrap()
                .split_once("acknowledged ")
                .map(|(_, n)| n.to_owned())
        };
        let before = acknowledged.len();
        while acknowledged.len() < before + 100 * round {
            acknowledged.extend(name_of(
                lines.next().expect("the child writes until it is killed"),
            ));
        }
        child.kill().unwrap();
        // What it still printed was acknowledged as well.
        acknowledged.extend(lines.filter_map(&mut name_of));
        child.wait().unwrap();
    }
    let storage = authly_storage::open(&config(&path), sealer(1)).await.unwrap();
    let tenant = storage.tenant(&TenantId::default_tenant());
    for name in acknowledged {
        assert!(
            tenant.load_client(&client_id(&name)).await.unwrap().is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&directory.path().join("authly.db"));
    config.lock_timeout = Duration::from_millis(10);
    authly_storage::migrate(&config).await.unwrap();
    let storage = authly_storage::open(&config, sealer(1)).await.unwrap();
    storage.ping().await.unwrap();
    // Readers do not notice somebody who keeps the write lock.
    let holder = rusqlite::Connection::open(directory.path().join("authly.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(storage.ping().await, Err(StorageError::Unavailable(_))));
    holder.execute_batch("ROLLBACK").unwrap();
    storage.ping().await.unwrap();
}
