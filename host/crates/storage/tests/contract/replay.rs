//! What may be used once.

use authly_core::ports::{ReplayNamespace, TenantStorage};

use super::{
    Backend,
    fixtures::{at, hash},
};

pub async fn claim(tenant: &dyn TenantStorage, key: &str, until: i64, secs: i64) -> bool {
    tenant
        .claim_once(ReplayNamespace::ClientAssertion, &hash(key), at(until), at(secs))
        .await
        .unwrap()
}

pub async fn key_is_claimed_once_until_it_expires(backend: &impl Backend) {
    let tenant = backend.tenant();
    assert!(claim(&*tenant, "a", 60, 0).await);
    assert!(!claim(&*tenant, "a", 60, 0).await);
    assert!(claim(&*tenant, "b", 60, 0).await, "another key");
    assert!(!claim(&*tenant, "a", 90, 59).await);
    assert!(claim(&*tenant, "a", 90, 60).await, "the first has expired");
    assert!(!claim(&*tenant, "a", 90, 61).await);
    let other = backend.other_tenant().await;
    assert!(claim(&*other, "a", 60, 0).await);
}
