//! Authorization codes.

use authly_core::{
    AuditAction, Effects, TokenHash,
    ports::{RedeemEffects, RedeemOutcome, Redemption},
};

use super::{
    Backend,
    fixtures::{at, effects, event, granted, hash, message, refresh_token},
};

fn redemption(code: TokenHash, secs: i64) -> Redemption {
    Redemption {
        hash: code,
        refresh_token: None,
        access_token: None,
        now: at(secs),
    }
}

fn by_outcome(grant_id: authly_core::GrantId) -> RedeemEffects {
    RedeemEffects {
        redeemed: event(AuditAction::CodeRedeemed { grant_id }),
        replayed: effects(AuditAction::CodeReplayed { grant_id }),
    }
}

pub async fn code_is_loaded_with_its_grant(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let loaded = tenant.load_code(&hash("c")).await.unwrap().unwrap();
    assert_eq!((loaded.user.id, &loaded.grant), (grant.user_id, &grant));
    assert_eq!(loaded.code.consumed_at, None);
    tenant
        .redeem_code(redemption(hash("c"), 5), by_outcome(grant.id))
        .await
        .unwrap();
    let loaded = tenant.load_code(&hash("c")).await.unwrap().unwrap();
    assert_eq!(
        loaded.code.consumed_at,
        Some(at(5)),
        "a spent code is still answered"
    );
    assert!(tenant.load_code(&hash("other")).await.unwrap().is_none());
    assert!(
        backend
            .other_tenant()
            .await
            .load_code(&hash("c"))
            .await
            .unwrap()
            .is_none()
    );
}

pub async fn code_is_redeemed_until_its_expiry(backend: &impl Backend) {
    let tenant = backend.tenant();
    for (name, secs, expected) in [
        ("early", 59, RedeemOutcome::Redeemed),
        ("late", 60, RedeemOutcome::Expired),
    ] {
        let grant = granted(backend, name).await;
        let outcome = tenant
            .redeem_code(redemption(hash(name), secs), by_outcome(grant.id))
            .await;
        assert_eq!(outcome.unwrap(), expected, "{name}");
    }
    assert_eq!(backend.audit().await, ["code_redeemed"]);
}

pub async fn redemption_stores_the_refresh_token(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let mut spend = redemption(hash("c"), 5);
    spend.refresh_token = Some(refresh_token("r", &grant));
    tenant.redeem_code(spend, by_outcome(grant.id)).await.unwrap();
    let loaded = tenant.load_refresh(&hash("r")).await.unwrap().unwrap();
    assert_eq!((loaded.token, loaded.grant), (refresh_token("r", &grant), grant));
}

pub async fn replayed_code_revokes_its_grant(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let redeem = async |refresh: &str, secs| {
        let mut spend = redemption(hash("c"), secs);
        spend.refresh_token = Some(refresh_token(refresh, &grant));
        tenant.redeem_code(spend, by_outcome(grant.id)).await.unwrap()
    };
    assert_eq!(redeem("first", 1).await, RedeemOutcome::Redeemed);
    let grant_id = grant.id;
    assert_eq!(
        redeem("second", 61).await,
        RedeemOutcome::Replayed { grant_id },
        "even after its expiry"
    );
    assert_eq!(
        redeem("third", 62).await,
        RedeemOutcome::Revoked,
        "revoked and audited once"
    );
    let now = tenant.load_grant(grant.id).await.unwrap().unwrap();
    assert_eq!(now.revoked_at, Some(at(61)));
    assert!(tenant.load_refresh(&hash("second")).await.unwrap().is_none());
    assert_eq!(backend.audit().await, ["code_redeemed", "code_replayed"]);
    assert_eq!(backend.effect_counts().await, [2, 1, 0]);
}

pub async fn unknown_and_revoked_codes_are_told_apart(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let unknown = tenant
        .redeem_code(redemption(hash("other"), 1), by_outcome(grant.id))
        .await;
    assert_eq!(unknown.unwrap(), RedeemOutcome::Unknown);
    let other = backend.other_tenant().await;
    let elsewhere = other
        .redeem_code(redemption(hash("c"), 1), by_outcome(grant.id))
        .await;
    assert_eq!(elsewhere.unwrap(), RedeemOutcome::Unknown);
    tenant
        .revoke_grant(grant.id, at(1), Effects::none())
        .await
        .unwrap();
    let revoked = tenant
        .redeem_code(redemption(hash("c"), 2), by_outcome(grant.id))
        .await;
    assert_eq!(revoked.unwrap(), RedeemOutcome::Revoked);
    assert_eq!(backend.effect_counts().await, [0, 0, 0]);
}

pub async fn outbox_payload_is_sealed(backend: &impl Backend) {
    let tenant = backend.tenant();
    let grant = granted(backend, "c").await;
    let mut by_outcome = by_outcome(grant.id);
    by_outcome.redeemed.outbox = vec![message("plaintext"), message("plaintext")];
    tenant
        .redeem_code(redemption(hash("c"), 5), by_outcome)
        .await
        .unwrap();
    let rows = backend
        .sql("SELECT tenant_id, kind, state, payload_sealed FROM outbox")
        .await;
    assert_eq!(rows.len(), 2);
    let plain = hex::encode("plaintext");
    for row in &rows {
        assert_eq!(row[..3], ["default", "email", "pending"]);
        assert!(!row[3].is_empty() && !row[3].contains(&plain));
    }
    assert_ne!(rows[0][3], rows[1][3], "equal messages do not look equal");
}
