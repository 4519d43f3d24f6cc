mod fixture;
mod hanging_up;
mod standings;

use std::sync::atomic::Ordering;

use authly_core::{
    ClientId, Effects, Invalidation, Topic, client::Client, key::SigningAlg, ports::ScopeDefinition,
};

use self::fixture::{Fixture, client, invalidating, key};
use super::*;

#[tokio::test]
async fn client_is_remembered_until_it_is_invalidated() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    assert!(f.sees_enabled().await, "remembered");
    f.disable_elsewhere(invalidating()).await;
    assert!(f.sees_enabled().await, "not polled yet");
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn cache_is_passed_by_before_the_first_poll() {
    let f = Fixture::new().await;
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    assert!(!f.sees_enabled().await);
    f.poll().await.unwrap();
    assert!(
        !f.sees_enabled().await,
        "what was read before it is not believed after it"
    );
}

#[tokio::test]
async fn cache_is_passed_by_two_seconds_after_the_last_good_poll() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.storage.cut.store(true, Ordering::SeqCst);
    f.disable_elsewhere(invalidating()).await;
    f.clock.advance_millis(1_999);
    f.poll().await.unwrap_err();
    assert!(f.sees_enabled().await);
    f.clock.advance_millis(1);
    assert!(!f.sees_enabled().await, "exactly at the bound");
}

#[tokio::test]
async fn cache_starts_empty_after_an_outage() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.storage.cut.store(true, Ordering::SeqCst);
    // The row of this one may be purged before the node is back: it must not need it.
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(2_000);
    f.poll().await.unwrap_err();
    f.storage.cut.store(false, Ordering::SeqCst);
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(1_000);
    f.poll().await.unwrap();
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn clock_that_goes_backwards_is_not_believed() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(Effects::none()).await;
    f.clock.advance_millis(-1);
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn own_changes_are_seen_at_once() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    let id = client().id;
    assert!(
        f.here
            .set_client_enabled(&id, false, Effects::none())
            .await
            .unwrap()
    );
    assert!(!f.sees_enabled().await);

    assert!(f.here.list_scopes().await.unwrap().is_empty());
    let scope = ScopeDefinition {
        name: "openid".to_owned(),
        description: String::new(),
        is_default: false,
    };
    f.here
        .seed_scopes(std::slice::from_ref(&scope), Effects::none())
        .await
        .unwrap();
    assert_eq!(*f.here.list_scopes().await.unwrap(), [scope]);

    assert!(f.here.load_keys().await.unwrap().is_empty());
    assert!(
        f.here
            .ensure_active_key(&key("a", SigningAlg::Es256), Effects::none())
            .await
            .unwrap()
    );
    assert_eq!(f.here.load_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn scopes_and_keys_are_remembered_until_they_are_invalidated() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    let seen = async || {
        (
            f.here.list_scopes().await.unwrap().len(),
            f.here.load_keys().await.unwrap().len(),
        )
    };
    assert_eq!(seen().await, (0, 0));
    let scope = |name: &str| ScopeDefinition {
        name: name.to_owned(),
        description: String::new(),
        is_default: false,
    };
    f.elsewhere
        .seed_scopes(&[scope("a")], Effects::none())
        .await
        .unwrap();
    f.elsewhere
        .ensure_active_key(&key("a", SigningAlg::Es256), Effects::none())
        .await
        .unwrap();
    assert_eq!(seen().await, (0, 0));
    let (scopes, keys) = (
        Effects::none().invalidating(Topic::Scope, "b"),
        Effects::none().invalidating(Topic::Key, "b"),
    );
    f.elsewhere.seed_scopes(&[scope("b")], scopes).await.unwrap();
    f.poll().await.unwrap();
    assert_eq!(seen().await, (2, 0));
    f.elsewhere
        .ensure_active_key(&key("b", SigningAlg::Rs256), keys)
        .await
        .unwrap();
    f.poll().await.unwrap();
    assert_eq!(seen().await, (2, 2));
}

#[tokio::test]
async fn poll_from_another_place_begins_anew() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.sees_enabled().await);
    f.disable_elsewhere(invalidating()).await;
    // It does not hear of the change, and nothing old is believed because of it.
    let later = f.cache.invalidation_start().await.unwrap();
    assert!(f.cache.poll_invalidations(later).await.unwrap().items.is_empty());
    assert!(!f.sees_enabled().await);
}

#[tokio::test]
async fn what_a_poll_answers_is_forgotten_before_it_is_answered() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    assert!(f.here.load_keys().await.unwrap().is_empty());
    let told = Effects::none().invalidating(Topic::Key, "a");
    f.elsewhere
        .ensure_active_key(&key("a", SigningAlg::Es256), told)
        .await
        .unwrap();
    assert_eq!(f.poll().await.unwrap(), 1);
    assert_eq!(f.here.load_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn entry_that_comes_again_is_handed_on_once() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    f.storage.held_back.store(true, Ordering::SeqCst);
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1);
    assert_eq!(f.poll().await.unwrap(), 0, "seen before");
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1, "only the new one");
    f.storage.held_back.store(false, Ordering::SeqCst);
    assert_eq!(f.poll().await.unwrap(), 0);
    f.disable_elsewhere(invalidating()).await;
    assert_eq!(f.poll().await.unwrap(), 1);
    assert!(
        f.cache.shared.position.lock().unwrap().handed_on.len() <= 1,
        "bounded by one poll"
    );
}

#[test]
fn load_that_began_before_a_change_is_not_kept() {
    let tables = Tables::default();
    let ticket = tables.ticket();
    tables.forget(&Invalidation {
        topic: Topic::Client,
        key: "app".to_owned(),
    });
    tables.keep_client(ticket, &client().into());
    assert!(tables.client(&client().id).is_none());
    tables.keep_client(tables.ticket(), &client().into());
    assert!(tables.client(&client().id).is_some());
}

#[test]
fn what_clients_weigh_is_limited() {
    let tables = Tables::default();
    // As heavy as a client gets in practice: with many keys.
    let named = |i: u64| Client {
        id: ClientId::parse(&format!("c{i}")).unwrap(),
        jwks: Some("k".repeat(64 * 1024)),
        ..client()
    };
    let most = tables::CLIENTS_BYTES_MAX / (64 * 1024);
    for i in 0..=most {
        tables.keep_client(tables.ticket(), &named(i).into());
    }
    let kept = (0..=most)
        .filter(|i| tables.client(&named(*i).id).is_some())
        .count() as u64;
    assert!((most / 2..most).contains(&kept), "{kept} of {most}");
}

#[test]
fn twenty_thousand_clients_are_remembered() {
    let tables = Tables::default();
    let named = |i: usize| Client {
        id: ClientId::parse(&format!("client-of-a-usual-length-{i}")).unwrap(),
        redirect_uris: vec!["https://app.example.com/a/path/of/a/usual/length".to_owned(); 3],
        ..client()
    };
    for i in 0..20_000 {
        tables.keep_client(tables.ticket(), &named(i).into());
    }
    let kept = (0..20_000).filter(|i| tables.client(&named(*i).id).is_some());
    assert_eq!(kept.count(), 20_000);
}

/// What this node remembers of everything, loaded through the cache.
async fn seen(f: &Fixture) -> (Option<String>, Vec<String>, Vec<String>) {
    let client = f.here.load_client(&client().id).await.unwrap();
    let scopes = f.here.list_scopes().await.unwrap();
    let keys = f.here.load_keys().await.unwrap();
    (
        client.map(|client| client.name.clone()),
        scopes.iter().map(|scope| scope.description.clone()).collect(),
        keys.iter()
            .map(|key| format!("{} {}", key.kid.as_str(), key.state.as_str()))
            .collect(),
    )
}

#[tokio::test]
async fn every_change_of_its_own_is_seen_at_once() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    let (none, now) = (Effects::none, Timestamp::from_secs(1));
    let scope = |description: &str| ScopeDefinition {
        name: "read".to_owned(),
        description: description.to_owned(),
        is_default: false,
    };
    let (a, b) = (key("a", SigningAlg::Es256), key("b", SigningAlg::Es256));
    assert_eq!(seen(&f).await, (Some("App".to_owned()), vec![], vec![]));

    f.here.create_scope(&scope("old"), none()).await.unwrap();
    assert_eq!(seen(&f).await.1, ["old"]);
    f.here.update_scope(&scope("new"), none()).await.unwrap();
    assert_eq!(seen(&f).await.1, ["new"]);
    f.here.delete_scope("read", none()).await.unwrap();
    assert!(seen(&f).await.1.is_empty());

    f.here.replace_active_key(&a, now, none()).await.unwrap();
    assert_eq!(seen(&f).await.2, ["a active"]);
    f.here.add_pending_key(&b, none()).await.unwrap();
    assert_eq!(seen(&f).await.2, ["a active", "b pending"]);
    f.here.activate_key(&b.kid, now, none()).await.unwrap();
    assert_eq!(seen(&f).await.2, ["a retiring", "b active"]);
    f.here.remove_key(&a.kid, now, none()).await.unwrap();
    assert_eq!(seen(&f).await.2, ["b active"]);

    let mut renamed = client();
    "Renamed".clone_into(&mut renamed.name);
    f.here.update_client(&renamed, none()).await.unwrap();
    assert_eq!(seen(&f).await.0.as_deref(), Some("Renamed"));
    f.here.delete_client(&renamed.id, now, none()).await.unwrap();
    assert_eq!(seen(&f).await.0, None);
}
