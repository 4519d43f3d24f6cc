//! Whoever asked for a change may be gone when the database has stored it: their node forgets all the same.

use std::{pin::Pin, sync::PoisonError};

use authly_core::{
    Effects, Kid, SecretBytes, SecretText, Topic,
    grant::RefreshToken,
    key::{SigningAlg, StoredKey},
    ports::{
        EndEffects, PasswordChange, PasswordEnds, RedeemEffects, Redemption, RotateEffects, Rotation,
        ScopeDefinition,
    },
    secret::TokenHash,
};
use futures_util::FutureExt as _;

use super::*;
use super::{
    super::tables::Tables,
    fixture::{Fixture, client, key},
    standings::{grant, person, standing},
};

const ALL: [&str; 5] = ["client", "scopes", "keys", "jti", "grant"];

const NOW: Timestamp = Timestamp::from_secs(1);

/// Remembers one of each.
fn remember(tables: &Tables) {
    tables.keep_client(tables.ticket(), &client().into());
    tables.keep_scopes(tables.ticket(), &Arc::from([]));
    tables.keep_keys(tables.ticket(), &[]);
    let standings = &tables.standings;
    standings.keep(standings.ticket(), Some("a"), &standing(1));
}

/// What is not remembered any more.
fn forgotten(tables: &Tables) -> Vec<&'static str> {
    let known = [
        tables.client(&client().id).is_some(),
        tables.scopes().is_some(),
        tables.keys().is_some(),
        tables.standings.get(Some("a"), None).is_some(),
        tables.standings.get(None, Some(grant(1))).is_some(),
    ];
    ALL.into_iter()
        .zip(known)
        .filter_map(|(name, known)| (!known).then_some(name))
        .collect()
}

type Verb<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What comes of it does not matter here.
fn verb<'a, T: 'a>(call: impl Future<Output = T> + 'a) -> Verb<'a> {
    Box::pin(async move { drop(call.await) })
}

/// Begins it, and hangs up when the database has committed but before the answer is taken.
async fn hang_up(f: &Fixture, mut verb: Verb<'_>) {
    let busy = key("busy", SigningAlg::Es256);
    let mut before = f.elsewhere.ensure_active_key(&busy, Effects::none());
    {
        let _held = f.zeros.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!((&mut before).now_or_never().is_none());
        assert!((&mut verb).now_or_never().is_none(), "it waits for its turn");
    }
    before.await.unwrap();
    // Comes after it, in the one queue that a database in memory has.
    f.elsewhere.load_client(&client().id).await.unwrap();
    drop(verb);
}

/// Begins each, and compares what was forgotten.
async fn check(f: &Fixture, verbs: Vec<(&str, &[&str], Verb<'_>)>) {
    let tables = f.cache.shared.tables(&TenantId::default_tenant());
    for (name, expected, verb) in verbs {
        remember(&tables);
        assert!(forgotten(&tables).is_empty(), "{name}");
        hang_up(f, verb).await;
        assert_eq!(forgotten(&tables), expected, "{name}");
    }
}

#[tokio::test]
async fn clients_and_scopes_are_forgotten_though_their_caller_hung_up() {
    let f = Fixture::new().await;
    let (here, none) = (&f.here, Effects::none);
    let client = client();
    let scope = ScopeDefinition {
        name: "read".to_owned(),
        description: String::new(),
        is_default: false,
    };
    let scopes = std::slice::from_ref(&scope);
    let verbs: Vec<(&str, &[&str], Verb<'_>)> = vec![
        (
            "create_client",
            &["client"],
            verb(here.create_client(&client, none())),
        ),
        (
            "update_client",
            &["client"],
            verb(here.update_client(&client, none())),
        ),
        (
            "set_client_enabled",
            &["client"],
            verb(here.set_client_enabled(&client.id, false, none())),
        ),
        (
            "delete_client",
            &["client", "grant"],
            verb(here.delete_client(&client.id, NOW, none())),
        ),
        (
            "create_scope",
            &["scopes"],
            verb(here.create_scope(&scope, none())),
        ),
        (
            "update_scope",
            &["scopes"],
            verb(here.update_scope(&scope, none())),
        ),
        (
            "delete_scope",
            &["scopes"],
            verb(here.delete_scope("read", none())),
        ),
        ("seed_scopes", &["scopes"], verb(here.seed_scopes(scopes, none()))),
    ];
    check(&f, verbs).await;
}

#[tokio::test]
async fn keys_are_forgotten_though_their_caller_hung_up() {
    let f = Fixture::new().await;
    let (here, none) = (&f.here, Effects::none);
    let key: StoredKey = key("a", SigningAlg::Rs256);
    let kid = Kid::parse("a").unwrap();
    let verbs: Vec<(&str, &[&str], Verb<'_>)> = vec![
        (
            "ensure_active_key",
            &["keys"],
            verb(here.ensure_active_key(&key, none())),
        ),
        (
            "add_pending_key",
            &["keys"],
            verb(here.add_pending_key(&key, none())),
        ),
        (
            "activate_key",
            &["keys"],
            verb(here.activate_key(&kid, NOW, none())),
        ),
        (
            "replace_active_key",
            &["keys"],
            verb(here.replace_active_key(&key, NOW, none())),
        ),
        (
            "replace_compromised_keys",
            &["keys"],
            verb(here.replace_compromised_keys(&key, NOW, none())),
        ),
        ("remove_key", &["keys"], verb(here.remove_key(&kid, NOW, none()))),
    ];
    check(&f, verbs).await;
}

#[tokio::test]
async fn person_and_their_grants_are_forgotten_though_the_caller_hung_up() {
    let f = Fixture::new().await;
    let (here, none, id, client) = (&f.here, Effects::none, person(), client());
    let (_, user) = standing(1).person.unwrap();
    let change = PasswordChange {
        user_id: id,
        replaces: None,
        hash: SecretText::new("$argon2id$".to_owned()),
        requires_password_change: false,
        ends: PasswordEnds::Others { keep: None },
        now: NOW,
    };
    let ends = EndEffects {
        sessions: none(),
        grants: none(),
    };
    let grant: &[&str] = &["grant"];
    let verbs: Vec<(&str, &[&str], Verb<'_>)> = vec![
        ("update_user", grant, verb(here.update_user(&user, none()))),
        ("set_password", grant, verb(here.set_password(change, none()))),
        (
            "set_user_enabled",
            grant,
            verb(here.set_user_enabled(id, false, NOW, none())),
        ),
        ("end_everything", grant, verb(here.end_everything(id, NOW, ends))),
        (
            "withdraw_consent",
            grant,
            verb(here.withdraw_consent(id, &client.id, NOW, none())),
        ),
        ("delete_user", grant, verb(here.delete_user(id, none()))),
    ];
    check(&f, verbs).await;
}

fn rotation() -> Rotation {
    let hash = TokenHash::of(b"next");
    Rotation {
        hash: TokenHash::of(b"token"),
        successor: RefreshToken {
            hash,
            grant_id: grant(1),
            client_id: client().id,
            scope: authly_core::ScopeSet::default(),
            created_at: NOW,
            expires_at: NOW,
            consumed_at: None,
        },
        nonce: SecretBytes::new(vec![1]),
        access_token: None,
        grace: Duration::ZERO,
        now: NOW,
    }
}

fn redemption() -> Redemption {
    Redemption {
        hash: TokenHash::of(b"code"),
        refresh_token: None,
        access_token: None,
        now: NOW,
    }
}

/// That a replay would revoke grant 1.
fn replayed() -> Effects {
    Effects::none().invalidating(Topic::Grant, grant(1).to_string())
}

fn redeem_effects() -> RedeemEffects {
    RedeemEffects {
        redeemed: Effects::none(),
        replayed: replayed(),
    }
}

fn rotate_effects() -> RotateEffects {
    RotateEffects {
        rotated: Effects::none(),
        replayed: replayed(),
    }
}

#[tokio::test]
async fn revoked_token_is_forgotten_though_its_caller_hung_up() {
    let f = Fixture::new().await;
    let (here, none, hash) = (&f.here, Effects::none, TokenHash::of(b"token"));
    let grant_alone: &[&str] = &["grant"];
    let verbs: Vec<(&str, &[&str], Verb<'_>)> = vec![
        ("revoke_jti", &["jti"], verb(here.revoke_jti("a", NOW, none()))),
        (
            "revoke_grant",
            grant_alone,
            verb(here.revoke_grant(grant(1), NOW, none())),
        ),
        (
            "redeem_code",
            grant_alone,
            verb(here.redeem_code(redemption(), redeem_effects())),
        ),
        (
            "rotate_refresh",
            grant_alone,
            verb(here.rotate_refresh(rotation(), rotate_effects())),
        ),
        (
            "use_refresh",
            grant_alone,
            verb(here.use_refresh(&hash, None, NOW, rotate_effects())),
        ),
    ];
    check(&f, verbs).await;
}

#[tokio::test]
async fn token_that_was_spent_and_not_replayed_makes_nothing_be_forgotten() {
    let f = Fixture::new().await;
    let tables = f.cache.shared.tables(&TenantId::default_tenant());
    remember(&tables);
    let hash = TokenHash::of(b"token");
    f.here.redeem_code(redemption(), redeem_effects()).await.unwrap();
    f.here.rotate_refresh(rotation(), rotate_effects()).await.unwrap();
    f.here
        .use_refresh(&hash, None, NOW, rotate_effects())
        .await
        .unwrap();
    assert!(forgotten(&tables).is_empty());
}
