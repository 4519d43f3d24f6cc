//! Twenty callers at once, on two nodes: the database decides.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use authly_core::{
    AuditAction, Effects, SecretText, StorageError, TenantId,
    key::SigningAlg,
    ports::{
        ActivateOutcome, CompleteOutcome, PasswordEnds, PasswordOutcome, RedeemEffects, RedeemOutcome,
        Redemption, ReserveOutcome, TenantStorage,
    },
};
use tokio::sync::Barrier;

use super::{
    Backend,
    fixtures::{
        GRACE, alice, at, client, completion, consent, effects, event, family, granted, hash, interaction,
        refresh_token, sealer, user,
    },
    keys::key,
    plugins::{activated, activation},
    refresh::rotate,
    replay::claim,
    throttle,
    users::{changed, password},
};

pub const RACERS: usize = 20;

/// Runs `attempt` twenty times at once, every second one on another node, and counts the answers by name.
pub async fn race<F, R>(backend: &impl Backend, attempt: F) -> BTreeMap<String, usize>
where
    F: Fn(Arc<dyn TenantStorage>, usize) -> R,
    R: Future<Output = String> + Send + 'static,
{
    let other = backend.node(sealer(1)).await.tenant(&TenantId::default_tenant());
    let nodes = [backend.tenant(), other];
    let gate = Arc::new(Barrier::new(RACERS));
    let racers: Vec<_> = (0..RACERS)
        .map(|i| {
            let (gate, run) = (Arc::clone(&gate), attempt(Arc::clone(&nodes[i % 2]), i));
            tokio::spawn(async move {
                gate.wait().await;
                run.await
            })
        })
        .collect();
    let mut answers = BTreeMap::new();
    for racer in racers {
        *answers.entry(racer.await.unwrap()).or_default() += 1;
    }
    answers
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected
        .into_iter()
        .map(|(name, n)| (name.to_owned(), n))
        .collect()
}

pub async fn code_is_redeemed_by_one_of_twenty(backend: &impl Backend) {
    let grant = granted(backend, "c").await;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move {
            let redemption = Redemption {
                hash: hash("c"),
                refresh_token: Some(refresh_token(&format!("r{i}"), &grant)),
                access_token: None,
                now: at(1),
            };
            let by_outcome = RedeemEffects {
                redeemed: event(AuditAction::CodeRedeemed { grant_id: grant.id }),
                replayed: effects(AuditAction::CodeReplayed { grant_id: grant.id }),
            };
            match tenant.redeem_code(redemption, by_outcome).await.unwrap() {
                RedeemOutcome::Replayed { .. } => "replayed".to_owned(),
                other => format!("{other:?}"),
            }
        }
    })
    .await;
    assert_eq!(
        answers,
        counts([("Redeemed", 1), ("replayed", 1), ("Revoked", 18)])
    );
    assert_eq!(backend.sql("SELECT 1 FROM refresh_tokens").await.len(), 1);
    assert_eq!(backend.audit().await, ["code_redeemed", "code_replayed"]);
}

pub async fn rotation_leads_twenty_to_one_successor(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move { rotate(&*tenant, &grant, ("a", &format!("b{i}")), 1).await }
    })
    .await;
    assert_eq!(answers.get("rotated"), Some(&1));
    let retried: Vec<_> = answers
        .iter()
        .filter(|(name, _)| name.starts_with("retried "))
        .collect();
    assert_eq!(retried.len(), 1, "all were given the same nonce: {answers:?}");
    assert_eq!(*retried[0].1, RACERS - 1);
    let live = backend
        .sql("SELECT hash FROM refresh_tokens WHERE consumed_at IS NULL")
        .await;
    let winner = retried[0].0.rsplit(':').next().unwrap();
    assert_eq!(
        live,
        [[hex::encode(hash(winner).as_bytes())]],
        "the nonce is that of the stored successor"
    );
    assert_eq!(backend.audit().await, ["refresh_rotated"]);
}

pub async fn late_replays_beside_a_rotation_leave_no_child(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    rotate(&*backend.tenant(), &grant, ("a", "b"), 1).await;
    let late = 1 + GRACE;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move {
            // Half present the spent token again, half rotate its live successor.
            let from = if i % 4 < 2 { "a" } else { "b" };
            rotate(&*tenant, &grant, (from, &format!("c{i}")), late).await
        }
    })
    .await;
    assert_eq!(answers.get("replayed"), Some(&1), "{answers:?}");
    let tokens = backend.sql("SELECT hash FROM refresh_tokens").await;
    assert!(tokens.len() <= 3, "one family: {answers:?}");
    let mut names: Vec<String> = (0..RACERS).map(|i| format!("c{i}")).collect();
    names.extend(["a".to_owned(), "b".to_owned()]);
    for token in names {
        let outcome = rotate(&*backend.tenant(), &grant, (&token, "last"), late).await;
        assert!(
            ["revoked", "unknown"].contains(&outcome.as_str()),
            "{token}: {outcome}"
        );
    }
}

pub async fn interaction_is_completed_by_one_of_twenty(backend: &impl Backend) {
    alice(&*backend.tenant()).await;
    backend
        .tenant()
        .create_interaction(&interaction("i"))
        .await
        .unwrap();
    let answers = race(backend, |tenant, i| async move {
        let mut done = completion(&format!("c{i}"));
        done.interaction = Some((hash("i"), 0));
        let issued = effects(AuditAction::CodeIssued {
            grant_id: done.grant.id,
        });
        let outcome: CompleteOutcome = tenant.complete_interaction(done, issued).await.unwrap();
        format!("{outcome:?}")
    })
    .await;
    assert_eq!(answers, counts([("Completed", 1), ("AlreadyFinished", 19)]));
    for table in ["authorization_codes", "grants", "audit_events"] {
        assert_eq!(
            backend.sql(&format!("SELECT 1 FROM {table}")).await.len(),
            1,
            "{table}"
        );
    }
}

pub async fn consents_of_twenty_add_up(backend: &impl Backend) {
    alice(&*backend.tenant()).await;
    race(backend, |tenant, i| async move {
        let mut done = completion(&format!("c{i}"));
        done.consent = Some(consent(&format!("s{i:02}"), 1));
        let outcome = tenant.complete_interaction(done, Effects::none()).await;
        format!("{:?}", outcome.unwrap())
    })
    .await;
    let every: Vec<_> = (0..RACERS).map(|i| format!("s{i:02}")).collect();
    let rows = backend.sql("SELECT scope FROM consents").await;
    assert_eq!(rows, [[every.join(" ")]]);
}

pub async fn key_is_made_by_one_of_twenty(backend: &impl Backend) {
    let answers = race(backend, |tenant, i| async move {
        let created = effects(AuditAction::KeyCreated { kid: "k".to_owned() });
        let key = key(&format!("k{i}"), SigningAlg::Es256);
        tenant.ensure_active_key(&key, created).await.unwrap().to_string()
    })
    .await;
    assert_eq!(answers, counts([("true", 1), ("false", 19)]));
    assert_eq!(backend.tenant().load_keys().await.unwrap().len(), 1);
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn plugin_is_activated_by_one_of_twenty(backend: &impl Backend) {
    for expected in [None, Some(1)] {
        let answers = race(backend, |tenant, i| async move {
            let byte = u8::try_from(i).unwrap();
            match tenant
                .activate_plugin(activation("p", byte, expected), activated())
                .await
                .unwrap()
            {
                ActivateOutcome::Activated { generation } => format!("generation {generation}"),
                ActivateOutcome::Stale => "stale".to_owned(),
            }
        })
        .await;
        let winner = format!("generation {}", expected.map_or(1, |g| g + 1));
        assert_eq!(answers, counts([(winner.as_str(), 1), ("stale", 19)]));
    }
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn attempts_cannot_outrun_the_count(backend: &impl Backend) {
    let policy = authly_core::ports::ThrottlePolicy {
        max_delay: Duration::from_mins(1),
        ..throttle::POLICY
    };
    let answers = race(backend, |tenant, i| async move {
        // The order of the keys must not matter to the locks.
        let mut keys = [
            (throttle::key("alice"), policy),
            (throttle::key("address"), policy),
        ];
        if i % 3 == 0 {
            keys.reverse();
        }
        match tenant.reserve_attempt(&keys, at(0)).await.unwrap() {
            ReserveOutcome::Admitted => "admitted".to_owned(),
            ReserveOutcome::Delayed { .. } => "delayed".to_owned(),
        }
    })
    .await;
    assert_eq!(answers, counts([("admitted", 3), ("delayed", 17)]));
    let rows = backend.sql("SELECT failures FROM login_throttle").await;
    assert_eq!(rows, [["3"], ["3"]]);
}

pub async fn client_is_created_by_one_of_twenty(backend: &impl Backend) {
    let answers = race(backend, |tenant, _| async move {
        match tenant
            .create_client(&client("app"), effects(AuditAction::ClientCreated))
            .await
        {
            Ok(()) => "created".to_owned(),
            Err(StorageError::Conflict(_)) => "conflict".to_owned(),
            Err(other) => format!("{other:?}"),
        }
    })
    .await;
    assert_eq!(answers, counts([("created", 1), ("conflict", 19)]));
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn key_is_claimed_by_one_of_twenty(backend: &impl Backend) {
    // A claim that has expired is won by one again.
    for secs in [0, 60] {
        let answers = race(backend, |tenant, _| async move {
            claim(&*tenant, "a", secs + 60, secs).await.to_string()
        })
        .await;
        assert_eq!(answers, counts([("true", 1), ("false", 19)]), "at {secs}");
    }
}

pub async fn next_key_is_published_and_activated_by_one_of_twenty(backend: &impl Backend) {
    let alg = SigningAlg::Es256;
    let tenant = backend.tenant();
    tenant
        .ensure_active_key(&key("first", alg), Effects::none())
        .await
        .unwrap();
    let answers = race(backend, |tenant, i| async move {
        let created = effects(AuditAction::KeyCreated { kid: "k".to_owned() });
        let key = key(&format!("k{i}"), alg);
        tenant.add_pending_key(&key, created).await.unwrap().to_string()
    })
    .await;
    assert_eq!(answers, counts([("true", 1), ("false", 19)]));
    let keys = tenant.load_keys().await.unwrap();
    let next = keys
        .iter()
        .find(|k| k.kid.as_str() != "first")
        .unwrap()
        .kid
        .clone();
    let answers = race(backend, |tenant, _| {
        let next = next.clone();
        async move {
            let activated = effects(AuditAction::KeyActivated { kid: "k".to_owned() });
            tenant
                .activate_key(&next, at(1), activated)
                .await
                .unwrap()
                .to_string()
        }
    })
    .await;
    assert_eq!(answers, counts([("true", 1), ("false", 19)]));
    let states = backend.sql("SELECT state FROM signing_keys ORDER BY state").await;
    assert_eq!(states, [["active"], ["retiring"]]);
    assert_eq!(backend.effect_counts().await, [2, 2, 0]);
}

pub async fn client_is_updated_by_one_of_twenty(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .create_client(&client("app"), Effects::none())
        .await
        .unwrap();
    let answers = race(backend, |tenant, i| async move {
        let mut changed = client("app");
        changed.name = format!("name {i}");
        let updated = effects(AuditAction::ClientUpdated);
        let outcome = tenant.update_client(&changed, updated).await.unwrap();
        format!("{outcome:?}")
    })
    .await;
    assert_eq!(answers, counts([("Updated", 1), ("Stale", 19)]));
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}

pub async fn password_is_changed_by_one_of_twenty(backend: &impl Backend) {
    let first = SecretText::new("first".to_owned());
    backend
        .tenant()
        .create_user(&user("alice"), Some(&first), Effects::none())
        .await
        .unwrap();
    let answers = race(backend, |tenant, i| async move {
        let change = password(&format!("hash {i}"), Some("first"), PasswordEnds::Nothing);
        match tenant.set_password(change, changed()).await.unwrap() {
            PasswordOutcome::Changed(_) => "changed".to_owned(),
            other => format!("{other:?}"),
        }
    })
    .await;
    assert_eq!(answers, counts([("changed", 1), ("Stale", 19)]));
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
}
