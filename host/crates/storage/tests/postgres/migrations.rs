//! The migration runner on PostgreSQL.

use authly_core::StorageError;
use authly_storage::{DatabaseConfig, MigrateError};
use authly_testkit::postgres::PostgresServer;

use crate::fixture::sealer;

#[tokio::test]
async fn many_nodes_migrate_once() {
    let database = PostgresServer::shared()
        .await
        .unwrap()
        .create_database()
        .await
        .unwrap();
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let config = DatabaseConfig::new(database.url());
            tokio::spawn(async move { authly_storage::migrate(&config).await.unwrap() })
        })
        .collect();
    let mut applied = Vec::new();
    for run in runs {
        applied.extend(run.await.unwrap().applied);
    }
    let again = authly_storage::migrate(&DatabaseConfig::new(database.url()))
        .await
        .unwrap();
    assert_eq!(i64::try_from(applied.len()).unwrap(), again.schema_version);
    assert!(again.applied.is_empty());
}

#[tokio::test]
async fn schema_of_another_release_is_refused() {
    let database = PostgresServer::shared()
        .await
        .unwrap()
        .create_database()
        .await
        .unwrap();
    let config = DatabaseConfig::new(database.url());
    let cause = |error: StorageError| std::error::Error::source(&error).unwrap().to_string();
    let opened = async || {
        authly_storage::open(&config, sealer())
            .await
            .map(drop)
            .unwrap_err()
    };

    let behind = cause(opened().await);
    assert!(behind.contains("authly migrate"), "{behind}");
    authly_storage::migrate(&config).await.unwrap();
    database
        .execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'later', '')")
        .await
        .unwrap();
    let newer = cause(opened().await);
    assert!(newer.contains("newer"), "{newer}");
    let refused = authly_storage::migrate(&config).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Newer { found: 9999, .. }));
    database
        .execute(
            "DELETE FROM schema_migrations WHERE version = 9999; UPDATE schema_migrations SET checksum = ''",
        )
        .await
        .unwrap();
    let changed = authly_storage::migrate(&config).await.unwrap_err();
    assert!(matches!(changed, MigrateError::ChecksumDiffers { .. }));
}
