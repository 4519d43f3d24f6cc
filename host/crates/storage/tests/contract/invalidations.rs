//! The invalidation sequence.

use authly_core::{Effects, Invalidation, Topic, ports::InvalidationCursor};

use super::{
    Backend,
    fixtures::{client, client_id, sealer},
};

fn forget(key: &str) -> Effects {
    Effects::none().invalidating(Topic::Client, key)
}

/// The keys of a poll, without those seen before: a backend may answer some twice.
async fn poll(
    log: &dyn authly_core::ports::Storage,
    cursor: InvalidationCursor,
    seen: &mut Vec<String>,
) -> (Vec<String>, InvalidationCursor) {
    let batch = log.poll_invalidations(cursor).await.unwrap();
    let mut new = Vec::new();
    for item in batch.items {
        let Invalidation { topic, key } = item.invalidation;
        assert_eq!((item.tenant.as_str(), topic), ("default", Topic::Client));
        if !seen.contains(&key) {
            seen.push(key.clone());
            new.push(key);
        }
    }
    (new, batch.cursor)
}

pub async fn poll_answers_what_was_left_since(backend: &impl Backend) {
    let (storage, tenant) = (backend.storage(), backend.tenant());
    tenant
        .create_client(&client("before"), forget("before"))
        .await
        .unwrap();
    let mut seen = vec!["before".to_owned()];
    let cursor = storage.invalidation_start().await.unwrap();
    let (none, cursor) = poll(&*storage, cursor, &mut seen).await;
    assert!(none.is_empty());
    tenant
        .create_client(&client("a"), forget("a").invalidating(Topic::Client, "b"))
        .await
        .unwrap();
    let (both, cursor) = poll(&*storage, cursor, &mut seen).await;
    assert_eq!(both, ["a", "b"]);
    let (again, cursor) = poll(&*storage, cursor, &mut seen).await;
    assert!(again.is_empty());
    tenant.create_client(&client("c"), forget("c")).await.unwrap();
    assert_eq!(poll(&*storage, cursor, &mut seen).await.0, ["c"]);
}

pub async fn other_nodes_see_them(backend: &impl Backend) {
    let node = backend.node(sealer(1)).await;
    let cursor = node.invalidation_start().await.unwrap();
    backend
        .tenant()
        .create_client(&client("a"), forget("a"))
        .await
        .unwrap();
    assert_eq!(poll(&*node, cursor, &mut Vec::new()).await.0, ["a"]);
    let seen = node
        .tenant(&authly_core::TenantId::default_tenant())
        .load_client(&client_id("a"))
        .await;
    assert!(seen.unwrap().is_some(), "what invalidates is visible");
}

pub async fn unknown_topics_are_passed_over(backend: &impl Backend) {
    let storage = backend.storage();
    let cursor = storage.invalidation_start().await.unwrap();
    backend
        .sql(
            "INSERT INTO invalidations (tenant_id, topic, key) VALUES ('default', 'of_a_newer_release', 'x')",
        )
        .await;
    backend
        .tenant()
        .create_client(&client("a"), forget("a"))
        .await
        .unwrap();
    assert_eq!(poll(&*storage, cursor, &mut Vec::new()).await.0, ["a"]);
}

pub async fn local_write_hints(backend: &impl Backend) {
    let storage = backend.storage();
    let mut hint = std::pin::pin!(storage.invalidation_hint());
    let first = std::future::poll_fn(|context| std::task::Poll::Ready(hint.as_mut().poll(context)));
    assert!(first.await.is_pending());
    backend
        .tenant()
        .create_client(&client("a"), forget("a"))
        .await
        .unwrap();
    let limit = std::time::Duration::from_secs(30);
    tokio::time::timeout(limit, hint)
        .await
        .expect("the write wakes the poll");
}

pub async fn database_answers_a_ping(backend: &impl Backend) {
    backend.storage().ping().await.unwrap();
}
