//! The scopes every tenant has.

use authly_core::{AuditAction, AuditEvent, Effects, StorageError, Timestamp, Topic, ports::TenantStorage};
use authly_oauth::scopes;

/// Defines the scopes that this release gives a meaning to and that are not defined yet. Of two servers that start at
/// once one stores them, and the other nothing.
pub(super) async fn seed(tenant: &dyn TenantStorage, now: Timestamp) -> Result<(), StorageError> {
    let defined = tenant.list_scopes().await?;
    let mut missing = scopes::seeded();
    missing.retain(|scope| defined.iter().all(|known| known.name != scope.name));
    if missing.is_empty() {
        return Ok(());
    }
    let mut effects = Effects::none();
    for scope in &missing {
        let action = AuditAction::ScopeCreated {
            scope: scope.name.clone(),
        };
        effects.audit.push(AuditEvent::internal(now, action));
        effects = effects.invalidating(Topic::Scope, scope.name.as_str());
    }
    tenant.seed_scopes(&missing, effects).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use authly_core::{Clock as _, SecretBytes, TenantId};
    use authly_storage::{DatabaseConfig, Sealer};

    use super::*;
    use crate::app::{SystemClock, SystemRng};

    #[tokio::test]
    async fn what_is_missing_is_defined_and_what_an_operator_changed_stays() {
        let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), Arc::new(SystemRng)).unwrap();
        let config = DatabaseConfig::new("sqlite::memory:");
        let storage = authly_storage::open(&config, sealer).await.unwrap();
        let tenant = storage.tenant(&TenantId::default_tenant());
        let now = SystemClock.now();
        seed(tenant.as_ref(), now).await.unwrap();
        let mut defined = tenant.list_scopes().await.unwrap().to_vec();
        assert_eq!(defined.len(), scopes::seeded().len());

        let mut changed = defined.pop().unwrap();
        changed.description = "Our own words".to_owned();
        tenant.update_scope(&changed, Effects::none()).await.unwrap();
        tenant.delete_scope("read", Effects::none()).await.unwrap();
        seed(tenant.as_ref(), now).await.unwrap();
        let again = tenant.list_scopes().await.unwrap();
        assert!(again.contains(&changed));
        assert!(again.iter().any(|scope| scope.name == "read"));
    }
}
