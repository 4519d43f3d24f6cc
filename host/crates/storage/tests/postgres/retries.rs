//! What is run again, and what is not.

use std::time::Duration;

use authly_core::{
    Effects, TokenHash,
    ports::{ReserveOutcome, ThrottleKey, ThrottlePolicy},
};

use crate::fixture::{Fixture, NOW, number};

#[tokio::test]
async fn victim_of_a_deadlock_is_run_again() {
    let fixture = Fixture::new().await;
    let [low, high] = [1, 2].map(|byte| ThrottleKey(TokenHash::from_bytes([byte; 32])));
    let policy = ThrottlePolicy {
        free_failures: 5,
        base_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(1),
        forget_after: Duration::from_secs(30),
    };
    let reserved = fixture
        .tenant
        .reserve_attempt(&[(low, policy), (high, policy)], NOW)
        .await;
    assert_eq!(reserved.unwrap(), ReserveOutcome::Admitted);

    let (mut other, observer) = (fixture.connect().await, fixture.connect().await);
    let lock = async |transaction: &tokio_postgres::Transaction<'_>, key: ThrottleKey| {
        let sql = "SELECT 1 FROM login_throttle WHERE key = $1 FOR UPDATE";
        transaction
            .query(sql, &[&key.0.as_bytes().as_slice()])
            .await
            .unwrap();
    };
    let against_the_order = other.transaction().await.unwrap();
    lock(&against_the_order, high).await;
    let tenant = fixture.tenant.clone();
    let settling =
        tokio::spawn(async move { tenant.settle_attempt(&[], &[low, high], Effects::none()).await });
    fixture.until_somebody_waits(&observer).await;
    // Closes the circle. The one that has waited longest looks for it first, and is the victim: ours.
    lock(&against_the_order, low).await;
    against_the_order.commit().await.unwrap();
    settling.await.unwrap().unwrap();
    assert_eq!(number(&observer, "SELECT count(*) FROM login_throttle").await, 0);
}
