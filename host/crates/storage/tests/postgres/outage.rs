//! The database goes away and comes back. An outage is `Unavailable`, never a "no", and needs no restart of ours.

use std::time::Duration;

use authly_core::{
    Effects, StorageError, TenantId,
    ports::{RedeemEffects, RedeemOutcome, StorageResult},
};
use authly_storage::DatabaseConfig;
use authly_testkit::postgres::PostgresServer;

use crate::fixture::{Fixture, NOW, hash, redemption, sealer, user};

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(result: &StorageResult<T>) {
    assert!(matches!(result, Err(StorageError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn stopped_database_is_unavailable_and_started_again_it_serves() {
    let server = PostgresServer::start_dedicated().await.unwrap();
    let fixture = Fixture::on(&server).await;
    let grant = fixture.issue_code("code").await;
    server.stop().await.unwrap();

    assert_unavailable(&fixture.storage.ping().await);
    assert_unavailable(&fixture.tenant.load_code(&hash("code")).await);
    assert_unavailable(
        &fixture
            .tenant
            .redeem_code(redemption("code", &grant), RedeemEffects::default())
            .await,
    );
    assert_unavailable(&fixture.tenant.reserve_attempt(&[], NOW).await);
    assert_unavailable(&fixture.storage.purge(NOW, 10).await);
    assert_unavailable(&fixture.storage.invalidation_start().await);

    server.start().await.unwrap();
    fixture.storage.ping().await.unwrap();
    let redeemed = fixture
        .tenant
        .redeem_code(redemption("code", &grant), RedeemEffects::default())
        .await;
    assert_eq!(
        redeemed.unwrap(),
        RedeemOutcome::Redeemed,
        "nothing was burnt and nothing was lost"
    );
}

#[tokio::test]
async fn cut_in_the_middle_of_a_statement_is_unavailable() {
    let server = PostgresServer::start_dedicated().await.unwrap();
    let fixture = Fixture::on(&server).await;
    let grant = fixture.issue_code("code").await;
    let mut holder = fixture.connect().await;
    let observer = fixture.connect().await;
    let held = holder.transaction().await.unwrap();
    held.batch_execute("SELECT * FROM grants FOR UPDATE")
        .await
        .unwrap();
    let tenant = fixture.storage.tenant(&TenantId::default_tenant());
    let redeeming = tokio::spawn(async move {
        tenant
            .redeem_code(redemption("code", &grant), RedeemEffects::default())
            .await
    });
    fixture.until_somebody_waits(&observer).await;
    server.stop().await.unwrap();
    assert_unavailable(&redeeming.await.unwrap());
    server.start().await.unwrap();
    let code = fixture
        .tenant
        .load_code(&hash("code"))
        .await
        .unwrap()
        .unwrap()
        .code;
    assert_eq!(code.consumed_at, None);
}

#[tokio::test]
async fn dead_pooled_connections_cost_nobody_an_error() {
    let fixture = Fixture::new().await;
    fixture
        .tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for _ in 0..5 {
        fixture.database.execute(kill).await.unwrap();
        assert!(
            fixture
                .tenant
                .load_user(user("alice").id)
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn lock_that_is_never_released_is_unavailable() {
    let fixture = Fixture::new().await;
    fixture
        .tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let config = DatabaseConfig {
        lock_timeout: Duration::from_millis(50),
        ..DatabaseConfig::new(fixture.database.url())
    };
    let storage = authly_storage::open(&config, sealer()).await.unwrap();
    let tenant = storage.tenant(&TenantId::default_tenant());
    let mut holder = fixture.connect().await;
    let held = holder.transaction().await.unwrap();
    held.batch_execute("SELECT * FROM users FOR UPDATE")
        .await
        .unwrap();
    assert_unavailable(
        &tenant
            .set_user_enabled(user("alice").id, false, NOW, Effects::none())
            .await,
    );
    held.rollback().await.unwrap();
    let changed = tenant
        .set_user_enabled(user("alice").id, false, NOW, Effects::none())
        .await;
    assert!(changed.unwrap());
}

#[tokio::test]
async fn full_pool_is_unavailable() {
    let fixture = Fixture::new().await;
    fixture
        .tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let config = DatabaseConfig {
        pool_size: 1,
        wait_timeout: Duration::from_millis(50),
        ..DatabaseConfig::new(fixture.database.url())
    };
    let storage = authly_storage::open(&config, sealer()).await.unwrap();
    let mut holder = fixture.connect().await;
    let observer = fixture.connect().await;
    let held = holder.transaction().await.unwrap();
    held.batch_execute("SELECT * FROM users FOR UPDATE")
        .await
        .unwrap();
    let tenant = storage.tenant(&TenantId::default_tenant());
    let waiting = tokio::spawn(async move {
        tenant
            .set_user_enabled(user("alice").id, false, NOW, Effects::none())
            .await
    });
    fixture.until_somebody_waits(&observer).await;
    assert_unavailable(&storage.ping().await);
    held.rollback().await.unwrap();
    assert!(waiting.await.unwrap().unwrap());
}
