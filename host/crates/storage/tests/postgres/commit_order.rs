//! What READ COMMITTED and out-of-order commits could break, with the order of commits forced.

use authly_core::{
    Effects, Topic,
    effects::OutboxMessage,
    ports::{
        InvalidationLog as _, RedeemEffects, RedeemOutcome, RotateEffects, RotateOutcome,
        SequencedInvalidation,
    },
    secret::SecretBytes,
};
use authly_testkit::postgres::PostgresServer;

use crate::fixture::{Fixture, NOW, at, hash, number, redemption, rotation, user};

fn keys(items: Vec<SequencedInvalidation>) -> Vec<String> {
    items.into_iter().map(|item| item.invalidation.key).collect()
}

#[tokio::test]
async fn poll_sees_a_lower_sequence_that_commits_after_a_higher_one() {
    // A server of its own: transaction ids are the server's, and another test's open transaction holds the cursor back.
    let server = PostgresServer::start_dedicated().await.unwrap();
    let fixture = Fixture::on(&server).await;
    let cursor = fixture.storage.invalidation_start().await.unwrap();
    let insert = "INSERT INTO invalidations (tenant_id, topic, key) VALUES ('default', 'client', $1)";
    let (mut first, mut second) = (fixture.connect().await, fixture.connect().await);

    let early = first.transaction().await.unwrap();
    early.execute(insert, &[&"lower"]).await.unwrap();
    let late = second.transaction().await.unwrap();
    late.execute(insert, &[&"higher"]).await.unwrap();
    late.commit().await.unwrap();

    let batch = fixture.storage.poll_invalidations(cursor).await.unwrap();
    assert_eq!(keys(batch.items), ["higher"]);
    early.commit().await.unwrap();
    let batch = fixture.storage.poll_invalidations(batch.cursor).await.unwrap();
    assert_eq!(
        keys(batch.items),
        ["lower", "higher"],
        "what was seen before may come again"
    );
    let batch = fixture.storage.poll_invalidations(batch.cursor).await.unwrap();
    assert!(
        batch.items.is_empty(),
        "once nothing is open the cursor moves past both"
    );
}

#[tokio::test]
async fn rows_that_a_long_transaction_holds_back_are_handed_on_once() {
    let server = PostgresServer::start_dedicated().await.unwrap();
    let fixture = Fixture::on(&server).await;
    let node = authly_storage::cache::cached(fixture.storage.clone(), std::sync::Arc::new(Standing));
    let cursor = node.invalidation_start().await.unwrap();
    let insert = "INSERT INTO invalidations (tenant_id, topic, key) VALUES ('default', 'key', $1)";
    let (mut elsewhere, writer) = (fixture.connect().await, fixture.connect().await);
    let long = elsewhere.transaction().await.unwrap();
    long.execute(insert, &[&"late"]).await.unwrap();
    writer.execute(insert, &[&"a"]).await.unwrap();

    let mut cursor = cursor;
    let mut poll = async || {
        let batch = node.poll_invalidations(cursor).await.unwrap();
        cursor = batch.cursor;
        keys(batch.items)
    };
    assert_eq!(poll().await, ["a"]);
    assert!(poll().await.is_empty(), "it was handed on before");
    writer.execute(insert, &[&"b"]).await.unwrap();
    assert_eq!(poll().await, ["b"]);
    long.commit().await.unwrap();
    assert_eq!(poll().await, ["late"]);
    assert!(poll().await.is_empty());
}

/// A clock that stands still.
struct Standing;
impl authly_core::Clock for Standing {
    fn now(&self) -> authly_core::Timestamp {
        NOW
    }
}

#[tokio::test]
async fn a_node_that_starts_beside_an_open_transaction_sees_its_change() {
    let fixture = Fixture::new().await;
    let mut writer = fixture.connect().await;
    let open = writer.transaction().await.unwrap();
    let insert = "INSERT INTO invalidations (tenant_id, topic, key) VALUES ('default', 'client', 'c')";
    open.execute(insert, &[]).await.unwrap();
    let cursor = fixture.storage.invalidation_start().await.unwrap();
    open.commit().await.unwrap();
    let batch = fixture.storage.poll_invalidations(cursor).await.unwrap();
    assert_eq!(keys(batch.items), ["c"]);
}

#[tokio::test]
async fn a_write_wakes_the_other_nodes() {
    let fixture = Fixture::new().await;
    let other = fixture.another_node().await;
    // The first hint says that it listens now.
    other.invalidation_hint().await;
    fixture
        .tenant
        .create_user(&user("alice"), None, Effects::none())
        .await
        .unwrap();
    let cursor = other.invalidation_start().await.unwrap();
    let told = Effects::none().invalidating(Topic::User, "alice");
    fixture
        .tenant
        .set_user_enabled(user("alice").id, false, NOW, told)
        .await
        .unwrap();
    other.invalidation_hint().await;
    let batch = other.poll_invalidations(cursor).await.unwrap();
    assert_eq!(keys(batch.items), ["alice"]);
}

#[tokio::test]
async fn a_lost_listener_listens_again() {
    let fixture = Fixture::new().await;
    fixture.storage.invalidation_hint().await;
    let listener = "FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'authly listen'";
    fixture
        .database
        .execute(&format!("SELECT pg_terminate_backend(pid) {listener}"))
        .await
        .unwrap();
    // It hints once it is back, because something may have been said meanwhile.
    fixture.storage.invalidation_hint().await;
    let observer = fixture.connect().await;
    assert_eq!(number(&observer, &format!("SELECT count(*) {listener}")).await, 1);
}

#[tokio::test]
async fn rotation_beside_a_revocation_waits_and_is_refused() {
    let fixture = Fixture::new().await;
    let grant = fixture.issue_refresh("first").await;
    let (mut revoker, observer) = (fixture.connect().await, fixture.connect().await);
    let revoking = revoker.transaction().await.unwrap();
    revoking
        .batch_execute("UPDATE grants SET revoked_at = 1")
        .await
        .unwrap();
    let tenant = fixture.tenant.clone();
    let rotating = tokio::spawn(async move {
        tenant
            .rotate_refresh(rotation("first", "second", &grant), RotateEffects::default())
            .await
    });
    fixture.until_somebody_waits(&observer).await;
    revoking.commit().await.unwrap();
    assert!(matches!(rotating.await.unwrap().unwrap(), RotateOutcome::Revoked));
    assert!(
        fixture
            .tenant
            .load_refresh(&hash("second"))
            .await
            .unwrap()
            .is_none(),
        "no child"
    );
    assert!(
        fixture
            .tenant
            .load_refresh(&hash("first"))
            .await
            .unwrap()
            .unwrap()
            .token
            .consumed_at
            .is_none()
    );
}

#[tokio::test]
async fn a_replayer_who_hangs_up_still_kills_the_family() {
    let fixture = Fixture::new().await;
    let grant = fixture.issue_refresh("first").await;
    // Long ago: the grace is over. The code was spent as well.
    let observer = fixture.connect().await;
    observer
        .batch_execute("UPDATE refresh_tokens SET consumed_at = 1, grace_until = 2")
        .await
        .unwrap();
    let tenant = fixture.tenant.clone();
    let (of, mut holder) = (grant.clone(), fixture.connect().await);
    let held = holder.transaction().await.unwrap();
    held.batch_execute("SELECT * FROM grants FOR UPDATE")
        .await
        .unwrap();
    let replaying = tokio::spawn(async move {
        tenant
            .rotate_refresh(rotation("first", "second", &of), RotateEffects::default())
            .await
    });
    fixture.until_somebody_waits(&observer).await;
    replaying.abort();
    assert!(replaying.await.unwrap_err().is_cancelled());
    held.commit().await.unwrap();
    let dead = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while fixture
            .tenant
            .load_grant(grant.id)
            .await
            .unwrap()
            .unwrap()
            .revoked_at
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    });
    dead.await
        .expect("the family dies although nobody waits for the answer");
}

#[tokio::test]
async fn revocation_beside_a_rotation_waits_and_kills_the_child() {
    let fixture = Fixture::new().await;
    let grant = fixture.issue_refresh("first").await;
    let (mut rotator, observer) = (fixture.connect().await, fixture.connect().await);
    // What a rotation under way holds.
    let rotating = rotator.transaction().await.unwrap();
    rotating
        .batch_execute("SELECT * FROM grants FOR SHARE")
        .await
        .unwrap();
    let (tenant, id) = (fixture.tenant.clone(), grant.id);
    let revoking = tokio::spawn(async move { tenant.revoke_grant(id, at(20), Effects::none()).await });
    fixture.until_somebody_waits(&observer).await;
    let child = "INSERT INTO refresh_tokens (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at) \
                 SELECT tenant_id, $1, grant_id, client_id, scope, created_at, expires_at FROM refresh_tokens";
    rotating
        .execute(child, &[&hash("second").as_bytes().as_slice()])
        .await
        .unwrap();
    rotating.commit().await.unwrap();
    assert!(revoking.await.unwrap().unwrap());
    let used = fixture
        .tenant
        .rotate_refresh(rotation("second", "third", &grant), RotateEffects::default())
        .await;
    assert!(matches!(used.unwrap(), RotateOutcome::Revoked));
}

#[tokio::test]
async fn second_redemption_waits_for_the_first_ones_fate() {
    for commits in [true, false] {
        let fixture = Fixture::new().await;
        let grant = fixture.issue_code("code").await;
        let (mut winner, observer) = (fixture.connect().await, fixture.connect().await);
        let first = winner.transaction().await.unwrap();
        first
            .batch_execute("UPDATE authorization_codes SET consumed_at = 1")
            .await
            .unwrap();
        let tenant = fixture.tenant.clone();
        let second = tokio::spawn(async move {
            tenant
                .redeem_code(redemption("code", &grant), RedeemEffects::default())
                .await
        });
        fixture.until_somebody_waits(&observer).await;
        let outcome = if commits {
            first.commit().await.unwrap();
            RedeemOutcome::Replayed {
                grant_id: user_grant(&fixture).await,
            }
        } else {
            first.rollback().await.unwrap();
            RedeemOutcome::Redeemed
        };
        assert_eq!(second.await.unwrap().unwrap(), outcome);
    }
}

async fn user_grant(fixture: &Fixture) -> authly_core::GrantId {
    fixture
        .tenant
        .load_code(&hash("code"))
        .await
        .unwrap()
        .unwrap()
        .grant
        .id
}

#[tokio::test]
async fn effects_are_stored_with_the_change_or_not_at_all() {
    let fixture = Fixture::new().await;
    let observer = fixture.connect().await;
    let effects = || {
        let mut effects = Effects::none().invalidating(Topic::User, "alice");
        effects.audit.push(authly_core::AuditEvent::internal(
            NOW,
            authly_core::AuditAction::UserCreated,
        ));
        effects.outbox.push(OutboxMessage {
            kind: "mail".to_owned(),
            payload: SecretBytes::new(b"hello".to_vec()),
            expires_at: at(60),
        });
        effects
    };
    let count = "SELECT (SELECT count(*) FROM audit_events) + (SELECT count(*) FROM outbox) \
                 + (SELECT count(*) FROM invalidations)";
    fixture
        .tenant
        .create_user(&user("alice"), None, effects())
        .await
        .unwrap();
    assert_eq!(number(&observer, count).await, 3);
    fixture
        .tenant
        .create_user(&user("alice"), None, effects())
        .await
        .unwrap_err();
    assert!(
        !fixture
            .tenant
            .set_user_enabled(user("bob").id, true, NOW, effects())
            .await
            .unwrap()
    );
    assert_eq!(number(&observer, count).await, 3);
}
