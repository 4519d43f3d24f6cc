//! Effects as the tail of a statement: audit, outbox and invalidations are written by the statement that makes the
//! change, when and only when it makes it.
//!
//! They travel as one JSON text parameter and are expanded by PostgreSQL, so that a verb stays one round trip however
//! many effects it has.

use authly_core::{Effects, TenantId, ports::StorageResult};
use serde::Serialize;
use uuid::Uuid;

use crate::{codec, rows, seal::Sealer};

/// The channel on which a transaction that wrote invalidations announces its commit.
macro_rules! channel {
    () => {
        "authly_invalidations"
    };
}
pub(super) use channel;

/// Ends a statement whose CTE `$done` has a row when the verb did what it says: writes the effects in parameter
/// `$doc` of tenant `$1` then, and answers whether it did and how many invalidations were written.
///
/// Where grants die by the dozen, their CTE `$killed` answers each `id`, and an invalidation is written for every one:
/// the caller cannot know them.
///
/// `pg_notify` runs in the same transaction, so nobody is woken before the rows can be seen. It is evaluated for
/// invalidations only: commits that notify queue behind one lock.
macro_rules! effects {
    ($doc:literal if $done:literal $(telling $killed:literal)?) => {
        concat!(
            ", effects AS MATERIALIZED (SELECT ", $doc, "::text::jsonb AS doc \
               WHERE EXISTS (SELECT 1 FROM ", $done, ")), \
             audited AS (INSERT INTO audit_events \
               (tenant_id, at, action, detail, pseudonym, client_id, request_id) \
               SELECT $1::text, e.at, e.action, e.detail, e.pseudonym, e.client_id, e.request_id \
               FROM effects, jsonb_to_recordset(effects.doc -> 'audit') AS e(at bigint, action text, \
               detail text, pseudonym uuid, client_id text, request_id text)), \
             queued AS (INSERT INTO outbox (tenant_id, id, kind, payload_sealed, state, attempts, expires_at) \
               SELECT $1::text, m.id, m.kind, decode(m.payload, 'hex'), 'pending', 0, m.expires_at \
               FROM effects, jsonb_to_recordset(effects.doc -> 'outbox') AS m(id uuid, kind text, \
               payload text, expires_at bigint)), \
             told AS (INSERT INTO invalidations (tenant_id, topic, key) \
               SELECT $1::text, i.topic, i.key \
               FROM effects, jsonb_to_recordset(effects.doc -> 'invalidations') AS i(topic text, key text)",
               $(" UNION ALL SELECT $1::text, 'grant', id::text FROM ", $killed,)?
               " RETURNING 1) \
             SELECT EXISTS (SELECT 1 FROM ", $done, "), \
               (SELECT count(pg_notify('", $crate::postgres::effects::channel!(), "', '')) FROM told)"
        )
    };
}
pub(super) use effects;

/// Effects as the statement takes them.
#[derive(Serialize)]
struct Document {
    audit: Vec<Audit>,
    outbox: Vec<Message>,
    invalidations: Vec<Told>,
}

#[derive(Serialize)]
struct Audit {
    at: i64,
    action: String,
    detail: String,
    pseudonym: Option<Uuid>,
    client_id: Option<String>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct Message {
    id: Uuid,
    kind: String,
    payload: String,
    expires_at: i64,
}

#[derive(Serialize)]
struct Told {
    topic: &'static str,
    key: String,
}

/// The parameter of [`effects!`]. Payloads are sealed here.
pub(super) fn document(effects: Effects, tenant: &TenantId, sealer: &Sealer) -> StorageResult<String> {
    let audit = effects.audit.into_iter().map(|event| {
        let (action, detail) = codec::audit_action(&event.action)?;
        Ok(Audit {
            at: event.at.as_micros(),
            action,
            detail,
            pseudonym: event.pseudonym,
            client_id: event.client_id.map(String::from),
            request_id: event.request_id,
        })
    });
    let outbox = effects.outbox.into_iter().map(|message| {
        let id = sealer.random_id();
        let payload = sealer.seal(&rows::outbox_place(tenant, &id), &message.payload)?;
        Ok(Message {
            id,
            kind: message.kind,
            payload: hex::encode(payload),
            expires_at: message.expires_at.as_micros(),
        })
    });
    let invalidations = effects.invalidations.into_iter().map(|told| Told {
        topic: told.topic.as_str(),
        key: told.key,
    });
    codec::to_json(&Document {
        audit: audit.collect::<StorageResult<_>>()?,
        outbox: outbox.collect::<StorageResult<_>>()?,
        invalidations: invalidations.collect(),
    })
}
