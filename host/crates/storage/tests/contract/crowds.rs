//! Many who do the same at once, each with a thing of their own: a backend may serve them together, and one that is
//! refused costs the others nothing.

use std::collections::BTreeMap;

use authly_core::{
    AuditAction, StorageError,
    ports::{CompleteOutcome, RedeemEffects, RedeemOutcome, Redemption, RotateEffects, RotateOutcome},
};

use super::{
    Backend,
    fixtures::{alice, at, completion, event, family, granted, hash, refresh_token, rotation},
    races::{RACERS, race},
};

/// What a conflict is told as, and what another answer is.
fn told<T: std::fmt::Debug>(answer: Result<T, StorageError>) -> String {
    match answer {
        Ok(outcome) => format!("{outcome:?}"),
        Err(StorageError::Conflict(_)) => "conflict".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

fn all_but_one(done: &str) -> BTreeMap<String, usize> {
    [(done.to_owned(), RACERS - 1), ("conflict".to_owned(), 1)].into()
}

/// Everybody rotates a token of their own; the last one's successor is there already.
pub async fn rotations_at_once_are_each_their_own(backend: &impl Backend) {
    let mut grants = Vec::new();
    for i in 0..RACERS {
        grants.push(family(backend, &format!("r{i}")).await);
    }
    let answers = race(backend, |tenant, i| {
        let grant = grants[i].clone();
        async move {
            let successor = if i == RACERS - 1 {
                "r0".to_owned()
            } else {
                format!("s{i}")
            };
            let rotation = rotation(&format!("r{i}"), &successor, &grant, 1);
            let rotated = event(AuditAction::RefreshRotated { grant_id: grant.id });
            let effects = RotateEffects {
                rotated,
                ..RotateEffects::default()
            };
            told(tenant.rotate_refresh(rotation, effects).await)
        }
    })
    .await;
    assert_eq!(answers, all_but_one(&format!("{:?}", RotateOutcome::Rotated)));
    for (i, grant) in grants.iter().enumerate() {
        let successor = backend
            .tenant()
            .load_refresh(&hash(&format!("s{i}")))
            .await
            .unwrap();
        assert_eq!(
            successor.map(|s| s.grant.id),
            (i < RACERS - 1).then_some(grant.id)
        );
    }
    let rotated = backend
        .audit()
        .await
        .into_iter()
        .filter(|action| action == "refresh_rotated");
    assert_eq!(rotated.count(), RACERS - 1);
}

/// Everybody redeems a code of their own; the last one's refresh token is there already.
pub async fn redemptions_at_once_are_each_their_own(backend: &impl Backend) {
    let mut grants = Vec::new();
    for i in 0..RACERS {
        grants.push(granted(backend, &format!("c{i}")).await);
    }
    let first = family(backend, "there").await;
    let answers = race(backend, |tenant, i| {
        let grant = if i == RACERS - 1 {
            first.clone()
        } else {
            grants[i].clone()
        };
        let token = if i == RACERS - 1 {
            "there".to_owned()
        } else {
            format!("r{i}")
        };
        async move {
            let redemption = Redemption {
                hash: hash(&format!("c{i}")),
                refresh_token: Some(refresh_token(&token, &grant)),
                access_token: None,
                now: at(1),
            };
            let redeemed = event(AuditAction::CodeRedeemed { grant_id: grant.id });
            let effects = RedeemEffects {
                redeemed,
                ..RedeemEffects::default()
            };
            told(tenant.redeem_code(redemption, effects).await)
        }
    })
    .await;
    assert_eq!(answers, all_but_one(&format!("{:?}", RedeemOutcome::Redeemed)));
    for (i, grant) in grants.iter().enumerate().take(RACERS - 1) {
        let token = backend
            .tenant()
            .load_refresh(&hash(&format!("r{i}")))
            .await
            .unwrap();
        assert_eq!(token.map(|t| t.grant.id), Some(grant.id));
    }
}

/// Everybody's authorization ends at once; the last one's code is there already.
pub async fn completions_at_once_are_each_their_own(backend: &impl Backend) {
    alice(&*backend.tenant()).await;
    let there = completion("there");
    let done = backend
        .tenant()
        .complete_interaction(
            there.clone(),
            event(AuditAction::CodeIssued {
                grant_id: there.grant.id,
            }),
        )
        .await;
    assert_eq!(done.unwrap(), CompleteOutcome::Completed);
    let answers = race(backend, |tenant, i| {
        let mut completion = completion(&format!("c{i}"));
        if i == RACERS - 1 {
            completion.code.hash = hash("there");
        }
        async move {
            let issued = event(AuditAction::CodeIssued {
                grant_id: completion.grant.id,
            });
            told(tenant.complete_interaction(completion, issued).await)
        }
    })
    .await;
    assert_eq!(answers, all_but_one(&format!("{:?}", CompleteOutcome::Completed)));
    for i in 0..RACERS {
        let code = backend.tenant().load_code(&hash(&format!("c{i}"))).await.unwrap();
        let grant = (i < RACERS - 1).then(|| completion(&format!("c{i}")).grant.id);
        assert_eq!(code.map(|c| c.grant.id), grant);
    }
}
