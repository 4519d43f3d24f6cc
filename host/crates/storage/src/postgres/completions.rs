//! Authorizations that end at once: no page was needed, nothing was persisted, nobody was asked, and one event is left.
//! What most are, without the machinery of the others.

use authly_core::{
    SessionId, Timestamp,
    audit::AuditEvent,
    grant::{AuthorizationCode, Grant},
    ports::{Completion, StorageResult},
};

use super::{
    Tenant,
    effects::{Audit, lone_events},
    many::{Column, Many, column},
    statements::statements,
};
use crate::codec;

statements! {
    /// [`COMPLETE`](super::interactions) for many. `person`, `signed_in` and `relied_on` lock what they look at, for the
    /// same reasons.
    COMPLETE_AT_ONCE = concat!(
        "WITH asked AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], \
             $7::bigint[], $8::text[], $9::text[], $10::uuid[], $11::bigint[], $12::bigint[], $13::bigint[], \
             $14::bytea[], $15::text[], $16::boolean[], $17::text[], $18::text[], $19::text[], $20::bigint[], \
             $21::bigint[], $22::bigint[], $23::text[], \
             $24::bigint[], $25::text[], $26::text[], $27::uuid[], $28::text[], $29::text[]) WITH ORDINALITY \
           AS k(tenant, asked_at, grant_id, client_id, user_id, scope, \
             auth_time, amr, claims, session_id, created_at, expires_at, revoked_at, \
             code, redirect_uri, redirect_uri_given, code_challenge, nonce, code_scope, code_created, \
             code_expires, code_consumed, relies_on, \
             event_at, action, detail, pseudonym, event_client, request_id, n) ORDER BY user_id), \
         person AS (SELECT k.* FROM asked k \
           JOIN users u ON u.tenant_id = k.tenant AND u.id = k.user_id AND u.enabled FOR SHARE OF u), \
         signed_in AS (SELECT p.* FROM person p \
           JOIN sessions s ON s.tenant_id = p.tenant AND s.id = p.session_id AND (s.user_id = p.user_id) IS TRUE \
           AND (s.ended_at IS NULL) IS TRUE AND (s.expires_at > p.asked_at) IS TRUE FOR SHARE OF s), \
         here AS (SELECT * FROM signed_in UNION ALL SELECT * FROM person WHERE session_id IS NULL), \
         relied_on AS (SELECT h.* FROM here h \
           JOIN consents c ON c.tenant_id = h.tenant AND c.user_id = h.user_id AND c.client_id = h.client_id \
           AND string_to_array(h.relies_on, ' ') <@ string_to_array(c.scope, ' ') FOR KEY SHARE OF c), \
         completed AS MATERIALIZED (SELECT * FROM relied_on \
           UNION ALL SELECT * FROM here WHERE relies_on IS NULL), \
         granted AS (INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, \
           session_id, created_at, expires_at, revoked_at) \
           SELECT tenant, grant_id, client_id, user_id, scope, auth_time, amr, claims, \
           session_id, created_at, expires_at, revoked_at FROM completed), \
         issued AS (INSERT INTO authorization_codes (tenant_id, hash, grant_id, client_id, redirect_uri, \
           redirect_uri_given, code_challenge, nonce, scope, created_at, expires_at, consumed_at) \
           SELECT tenant, code, grant_id, client_id, redirect_uri, \
           redirect_uri_given, code_challenge, nonce, code_scope, code_created, code_expires, code_consumed \
           FROM completed)",
        lone_events!(of "completed")
    );
}

impl Tenant {
    /// Whether the completion, which has neither an interaction nor a consent, could be stored.
    pub(super) async fn complete_at_once(
        &self,
        completion: Completion,
        event: AuditEvent,
    ) -> StorageResult<bool> {
        let ask = Complete {
            amr: codec::to_json(&completion.grant.amr)?,
            claims: codec::to_json(&completion.grant.claims)?,
            event: Audit::of(event)?,
            completion,
        };
        Ok(self.lines.completions.ask(ask).await?.is_some())
    }
}

/// A completion to store.
pub(super) struct Complete {
    completion: Completion,
    amr: String,
    claims: String,
    event: Audit,
}

/// Many completions; those that were stored have a row.
pub(super) struct CompleteAtOnce;

impl Many for CompleteAtOnce {
    type Ask = Complete;
    const SQL: &'static str = COMPLETE_AT_ONCE;
    const CHANGES: bool = true;

    fn columns(asks: &[Complete]) -> Vec<Column<'_>> {
        let mut columns = vec![column(asks, |ask| ask.completion.now.as_micros())];
        columns.extend(grants(asks));
        columns.extend(codes(asks));
        columns.push(column(asks, |ask| {
            ask.completion.relies_on.as_ref().map(ToString::to_string)
        }));
        columns.extend(Audit::columns(asks, |ask| &ask.event));
        columns
    }
}

fn grants(asks: &[Complete]) -> [Column<'_>; 11] {
    fn grant(ask: &Complete) -> &Grant {
        &ask.completion.grant
    }
    [
        column(asks, |ask| grant(ask).id.as_uuid()),
        column(asks, |ask| grant(ask).client_id.as_str()),
        column(asks, |ask| grant(ask).user_id.as_uuid()),
        column(asks, |ask| grant(ask).scope.to_string()),
        column(asks, |ask| grant(ask).auth_time.as_micros()),
        column(asks, |ask| ask.amr.as_str()),
        column(asks, |ask| ask.claims.as_str()),
        column(asks, |ask| grant(ask).session_id.map(SessionId::as_uuid)),
        column(asks, |ask| grant(ask).created_at.as_micros()),
        column(asks, |ask| grant(ask).expires_at.as_micros()),
        column(asks, |ask| grant(ask).revoked_at.map(Timestamp::as_micros)),
    ]
}

/// Beside its grant, whose identifier and client are the code's.
fn codes(asks: &[Complete]) -> [Column<'_>; 9] {
    fn code(ask: &Complete) -> &AuthorizationCode {
        &ask.completion.code
    }
    [
        column(asks, |ask| code(ask).hash.as_bytes().as_slice()),
        column(asks, |ask| code(ask).redirect_uri.as_str()),
        column(asks, |ask| code(ask).redirect_uri_given),
        column(asks, |ask| code(ask).code_challenge.as_deref()),
        column(asks, |ask| code(ask).nonce.as_deref()),
        column(asks, |ask| code(ask).scope.to_string()),
        column(asks, |ask| code(ask).created_at.as_micros()),
        column(asks, |ask| code(ask).expires_at.as_micros()),
        column(asks, |ask| code(ask).consumed_at.map(Timestamp::as_micros)),
    ]
}
