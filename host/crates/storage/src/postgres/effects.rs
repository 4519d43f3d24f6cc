//! Effects as the tail of a statement: audit, outbox and invalidations are written by the statement that makes the
//! change, when and only when it makes it.
//!
//! They travel as one JSON text parameter and are expanded by PostgreSQL, so that a verb stays one round trip however
//! many effects it has.

use authly_core::{Effects, TenantId, audit::AuditEvent, ports::StorageResult};
use serde::Serialize;
use uuid::Uuid;

use super::many::{Column, column};
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

/// Ends a statement for many asks whose effects are one audit event each, in the columns `tenant`, `event_at`, `action`,
/// `detail`, `pseudonym`, `event_client` and `request_id` of its CTE `$done`, which has a row for each ask that did what it says:
/// stores their events and answers their numbers `n`. What most requests leave is not packed into JSON to be unpacked by
/// PostgreSQL, and three tables that get nothing are not opened.
macro_rules! lone_events {
    (of $done:literal) => {
        concat!(
            ", audited AS (INSERT INTO audit_events \
               (tenant_id, at, action, detail, pseudonym, client_id, request_id) \
               SELECT tenant, event_at, action, detail, pseudonym, event_client, request_id FROM ",
            $done,
            ") SELECT n FROM ",
            $done
        )
    };
}
pub(super) use lone_events;

/// The CTE `killed`: ends the grants that meet `$which`, at the time in parameter `$now`, and has their `id`s. They are locked
/// in the order of their keys, as whoever uses tokens of several grants locks them.
macro_rules! killed {
    ($which:literal at $now:literal) => {
        concat!(
            "doomed AS (SELECT id FROM grants WHERE tenant_id = $1 AND ",
            $which,
            " AND revoked_at IS NULL AND expires_at > ",
            $now,
            " ORDER BY id FOR NO KEY UPDATE), \
             killed AS (UPDATE grants g SET revoked_at = ",
            $now,
            " FROM doomed WHERE g.tenant_id = $1 AND g.id = doomed.id AND g.revoked_at IS NULL RETURNING g.id)"
        )
    };
}
pub(super) use killed;

/// Effects as the statement takes them.
#[derive(Serialize)]
struct Document {
    audit: Vec<Audit>,
    outbox: Vec<Message>,
    invalidations: Vec<Told>,
}

/// An audit event as columns.
#[derive(Serialize)]
pub(super) struct Audit {
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

impl Audit {
    pub(super) fn of(event: AuditEvent) -> StorageResult<Self> {
        let (action, detail) = codec::audit_action(&event.action)?;
        Ok(Self {
            at: event.at.as_micros(),
            action,
            detail,
            pseudonym: event.pseudonym,
            client_id: event.client_id.map(String::from),
            request_id: event.request_id,
        })
    }

    /// The columns that [`lone_events!`] takes, of each ask: time, action, detail, pseudonym, client, request.
    pub(super) fn columns<A>(asks: &[A], of: impl Fn(&A) -> &Self + Copy) -> [Column<'_>; 6] {
        [
            column(asks, move |ask| of(ask).at),
            column(asks, move |ask| of(ask).action.as_str()),
            column(asks, move |ask| of(ask).detail.as_str()),
            column(asks, move |ask| of(ask).pseudonym),
            column(asks, move |ask| of(ask).client_id.as_deref()),
            column(asks, move |ask| of(ask).request_id.as_deref()),
        ]
    }
}

/// The one audit event that these effects are; themselves when they are more, or less.
pub(super) fn lone(mut effects: Effects) -> Result<AuditEvent, Effects> {
    let is_lone = effects.audit.len() == 1 && effects.outbox.is_empty() && effects.invalidations.is_empty();
    if !is_lone {
        return Err(effects);
    }
    effects.audit.pop().ok_or(effects)
}

/// The parameter of [`effects!`]. Payloads are sealed here.
pub(super) fn document(effects: Effects, tenant: &TenantId, sealer: &Sealer) -> StorageResult<String> {
    let audit = effects.audit.into_iter().map(Audit::of);
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
