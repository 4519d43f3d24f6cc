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

    let (mut other, observer) = (fixture.connect().await, fixture.connect().await);
    // Whoever has waited for its own deadlock_timeout looks for a circle, once, and is the victim if there is one.
    other.batch_execute("SET deadlock_timeout = '5s'").await.unwrap();
    // On a busy machine ours may look before the circle is closed; then the other one is the victim, and it is tried
    // again.
    for _ in 0..5 {
        let reserved = fixture
            .tenant
            .reserve_attempt(&[(low, policy), (high, policy)], NOW)
            .await;
        assert_eq!(reserved.unwrap(), ReserveOutcome::Admitted);
        let against_the_order = other.transaction().await.unwrap();
        lock(&against_the_order, high).await.unwrap();
        let tenant = fixture.tenant.clone();
        let settling =
            tokio::spawn(async move { tenant.settle_attempt(&[], &[low, high], Effects::none()).await });
        fixture.until_somebody_waits(&observer).await;
        let closed = lock(&against_the_order, low).await;
        let ours_was_the_victim = closed.is_ok();
        if let Err(error) = closed {
            assert_eq!(
                error.code(),
                Some(&tokio_postgres::error::SqlState::T_R_DEADLOCK_DETECTED)
            );
            against_the_order.rollback().await.unwrap();
        } else {
            against_the_order.commit().await.unwrap();
        }
        settling.await.unwrap().unwrap();
        assert_eq!(number(&observer, "SELECT count(*) FROM login_throttle").await, 0);
        if ours_was_the_victim {
            return;
        }
    }
    panic!("the transaction under test was never the victim");
}

async fn lock(
    transaction: &tokio_postgres::Transaction<'_>,
    key: ThrottleKey,
) -> Result<(), tokio_postgres::Error> {
    let sql = "SELECT 1 FROM login_throttle WHERE key = $1 FOR UPDATE";
    transaction
        .query(sql, &[&key.0.as_bytes().as_slice()])
        .await
        .map(drop)
}
