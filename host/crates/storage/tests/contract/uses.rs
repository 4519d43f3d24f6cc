//! Twenty callers at once with one refresh token, half of whom use it without rotating it.

use authly_core::{AuditAction, grant::Grant, ports::TenantStorage};

use super::{
    Backend,
    fixtures::{GRACE, access_token, at, effects, family, hash},
    races::{RACERS, race},
    refresh::{by_outcome, name, rotate},
};

/// Uses a token as a client does whose tokens are not rotated any more; answers what came of it.
async fn used(tenant: &dyn TenantStorage, of: &Grant, (token, access): (&str, &str), secs: i64) -> String {
    let opaque = Some(access_token(access, Some(of)));
    let outcome = tenant
        .use_refresh(&hash(token), opaque, at(secs), by_outcome(of.id))
        .await;
    name(&outcome.unwrap())
}

pub async fn uses_beside_a_rotation_are_before_it_or_retries(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move {
            if i % 4 < 2 {
                format!(
                    "used: {}",
                    used(&*tenant, &grant, ("a", &format!("access{i}")), 1).await
                )
            } else {
                rotate(&*tenant, &grant, ("a", &format!("b{i}")), 1).await
            }
        }
    })
    .await;
    let count = |name: &str| answers.get(name).copied().unwrap_or_default();
    assert_eq!(count("rotated"), 1, "{answers:?}");
    let live = backend
        .sql("SELECT hash FROM refresh_tokens WHERE consumed_at IS NULL")
        .await;
    let winner = (0..RACERS)
        .map(|i| format!("b{i}"))
        .find(|b| live == [[hex::encode(hash(b).as_bytes())]]);
    let retried = format!("retried nonce:a:{}", winner.expect("one live successor"));
    assert_eq!(count(&retried), RACERS / 2 - 1, "{answers:?}");
    let (before, after) = (count("used: rotated"), count(&format!("used: {retried}")));
    assert_eq!(before + after, RACERS / 2, "each was answered: {answers:?}");
    assert_eq!(
        backend.sql("SELECT 1 FROM access_tokens").await.len(),
        RACERS / 2,
        "and each answer's token is known"
    );
    assert_eq!(backend.audit().await, vec!["refresh_rotated"; 1 + before]);
}

pub async fn late_uses_beside_a_rotation_kill_the_family(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    rotate(&*backend.tenant(), &grant, ("a", "b"), 1).await;
    let late = 1 + GRACE;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move {
            if i % 4 < 2 {
                format!(
                    "used: {}",
                    used(&*tenant, &grant, ("a", &format!("access{i}")), late).await
                )
            } else {
                rotate(&*tenant, &grant, ("b", &format!("c{i}")), late).await
            }
        }
    })
    .await;
    assert_eq!(answers.get("used: replayed"), Some(&1), "{answers:?}");
    assert_eq!(
        answers.get("used: revoked"),
        Some(&(RACERS / 2 - 1)),
        "{answers:?}"
    );
    assert!(answers.get("rotated").is_none_or(|n| *n == 1), "{answers:?}");
    let mut names: Vec<String> = (0..RACERS).map(|i| format!("c{i}")).collect();
    names.extend(["a".to_owned(), "b".to_owned()]);
    for token in names {
        let outcome = used(&*backend.tenant(), &grant, (&token, "never"), late).await;
        assert!(
            ["revoked", "unknown"].contains(&outcome.as_str()),
            "{token}: {outcome}"
        );
    }
    assert_eq!(backend.sql("SELECT 1 FROM access_tokens").await.len(), 0);
}

pub async fn uses_beside_a_revocation_end_with_it(backend: &impl Backend) {
    let grant = family(backend, "a").await;
    let answers = race(backend, |tenant, i| {
        let grant = grant.clone();
        async move {
            match i % 4 {
                0 => {
                    let revoked = effects(AuditAction::RefreshReplayed { grant_id: grant.id });
                    let first = tenant.revoke_grant(grant.id, at(1), revoked).await;
                    format!("first: {}", first.unwrap())
                }
                1 => rotate(&*tenant, &grant, ("a", &format!("b{i}")), 1).await,
                _ => format!(
                    "used: {}",
                    used(&*tenant, &grant, ("a", &format!("access{i}")), 1).await
                ),
            }
        }
    })
    .await;
    assert_eq!(answers.get("first: true"), Some(&1), "{answers:?}");
    assert_eq!(
        answers.get("first: false"),
        Some(&(RACERS / 4 - 1)),
        "{answers:?}"
    );
    // Whoever was answered was answered before: what they were given is known, and nothing else is.
    let answered: usize = answers
        .iter()
        .filter(|(name, _)| name.starts_with("used: r") && *name != "used: revoked")
        .map(|(_, n)| n)
        .sum();
    let refused = answers.get("used: revoked").copied().unwrap_or_default();
    assert_eq!(answered + refused, RACERS / 2, "{answers:?}");
    assert_eq!(backend.sql("SELECT 1 FROM access_tokens").await.len(), answered);
    let mut names: Vec<String> = (0..RACERS).map(|i| format!("b{i}")).collect();
    names.push("a".to_owned());
    for token in names {
        let outcome = used(&*backend.tenant(), &grant, (&token, "never"), 2).await;
        assert!(
            ["revoked", "unknown"].contains(&outcome.as_str()),
            "{token}: {outcome}"
        );
    }
    let audit = backend.audit().await;
    let revocations = audit.iter().filter(|action| *action == "refresh_replayed");
    assert_eq!(revocations.count(), 1, "{audit:?}");
}
