//! What a change leaves behind, stored in the same job as the change: both are kept or neither.

use authly_core::{ClientId, Effects, ports::StorageResult};
use rusqlite::params;
use uuid::Uuid;

use super::access::{Access, statements};
use crate::{codec, rows};

statements! {
    INSERT_AUDIT = "INSERT INTO audit_events (tenant_id, at, action, detail, pseudonym, client_id, request_id) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    INSERT_OUTBOX = "INSERT INTO outbox (tenant_id, id, kind, payload_sealed, state, attempts, expires_at) \
        VALUES (?1, ?2, ?3, ?4, 'pending', 0, ?5)";
    INSERT_INVALIDATION = "INSERT INTO invalidations (tenant_id, topic, key) VALUES (?1, ?2, ?3)";
}

/// Stores the effects of the outcome that happened.
pub(super) fn store(access: &Access<'_>, effects: &Effects) -> StorageResult<()> {
    for event in &effects.audit {
        let (action, detail) = codec::audit_action(&event.action)?;
        access.execute(
            INSERT_AUDIT,
            params![
                access.tenant(),
                event.at.as_micros(),
                action,
                detail,
                event.pseudonym.as_ref().map(Uuid::as_bytes),
                event.client_id.as_ref().map(ClientId::as_str),
                event.request_id,
            ],
        )?;
    }
    for message in &effects.outbox {
        let id = access.sealer.random_id();
        let place = rows::outbox_place(access.tenant, &id);
        let payload = access.sealer.seal(&place, &message.payload)?;
        let expires_at = message.expires_at.as_micros();
        let row = params![access.tenant(), id.as_bytes(), message.kind, payload, expires_at];
        access.execute(INSERT_OUTBOX, row)?;
    }
    for invalidation in &effects.invalidations {
        let row = params![access.tenant(), invalidation.topic.as_str(), invalidation.key];
        access.execute(INSERT_INVALIDATION, row)?;
        access.invalidated.set(true);
    }
    Ok(())
}
