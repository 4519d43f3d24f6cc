//! Refresh tokens that are used, many at once: without opaque tokens and with one event each, what most uses are. The
//! reasoning of [`refresh`](super::refresh) holds for each.

use authly_core::{Timestamp, TokenHash, grant::RefreshToken, ports::Rotation};

use super::{
    effects::{Audit, lone_events},
    many::{Column, Many, column},
    statements::statements,
};

statements! {
    /// [`ROTATE`](super::refresh) for many tokens, without opaque tokens and with one event each: what most rotations are. Of two asks for
    /// one token one finds it live and rotates it, as of two statements.
    ROTATE_MANY = concat!(
        "WITH asked AS (SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], \
             $6::bytea[], $7::uuid[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], \
             $12::bigint[], $13::text[], $14::text[], $15::uuid[], $16::text[], $17::text[]) WITH ORDINALITY \
           AS k(tenant, token, asked_at, sealed, grace, successor, successor_grant, successor_client, successor_scope, \
             successor_created, successor_expires, \
             event_at, action, detail, pseudonym, event_client, request_id, n) ORDER BY successor_grant, token), \
         live AS (SELECT k.* FROM asked k \
           JOIN grants g ON g.tenant_id = k.tenant AND g.id = k.successor_grant \
           AND (g.revoked_at IS NULL) IS TRUE AND (g.expires_at > k.asked_at) IS TRUE FOR SHARE OF g), \
         rotated AS (UPDATE refresh_tokens r SET consumed_at = live.asked_at, nonce_sealed = live.sealed, \
             grace_until = live.grace FROM live \
           WHERE r.tenant_id = live.tenant AND r.hash = live.token AND r.grant_id = live.successor_grant \
           AND (r.consumed_at IS NULL) IS TRUE AND (r.expires_at > live.asked_at) IS TRUE \
           RETURNING live.*, r.predecessor_hash), \
         erased AS (UPDATE refresh_tokens p SET nonce_sealed = NULL FROM rotated \
           WHERE p.tenant_id = rotated.tenant AND p.hash = rotated.predecessor_hash \
           AND (p.nonce_sealed IS NOT NULL) IS TRUE), \
         stored AS (INSERT INTO refresh_tokens \
           (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, predecessor_hash) \
           SELECT tenant, successor, successor_grant, successor_client, successor_scope, successor_created, \
             successor_expires, token FROM rotated)",
        lone_events!(of "rotated")
    );
    /// [`USE`](super::refresh) for many tokens, without opaque tokens and with one event each.
    USE_MANY = concat!(
        "WITH asked AS (SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], \
             $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[]) WITH ORDINALITY \
           AS k(tenant, token, asked_at, event_at, action, detail, pseudonym, event_client, request_id, n) ORDER BY token), \
         used AS (SELECT k.*, r.predecessor_hash FROM asked k \
           JOIN refresh_tokens r ON r.tenant_id = k.tenant AND r.hash = k.token \
           JOIN grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id \
           WHERE (r.consumed_at IS NULL) IS TRUE AND (r.expires_at > k.asked_at) IS TRUE \
           AND (g.revoked_at IS NULL) IS TRUE AND (g.expires_at > k.asked_at) IS TRUE FOR SHARE OF r, g), \
         erased AS (UPDATE refresh_tokens p SET nonce_sealed = NULL FROM used \
           WHERE p.tenant_id = used.tenant AND p.hash = used.predecessor_hash \
           AND (p.nonce_sealed IS NOT NULL) IS TRUE)",
        lone_events!(of "used")
    );
}

/// A token to rotate: without an opaque token.
pub(super) struct RotateToken {
    pub rotation: Rotation,
    /// The nonce.
    pub sealed: Vec<u8>,
    /// What is noted of it.
    pub event: Audit,
}

/// Many tokens to rotate; those that were have a row.
pub(super) struct RotateRefreshTokens;

impl Many for RotateRefreshTokens {
    type Ask = RotateToken;
    const SQL: &'static str = ROTATE_MANY;
    const CHANGES: bool = true;

    fn columns(asks: &[RotateToken]) -> Vec<Column<'_>> {
        fn successor(ask: &RotateToken) -> &RefreshToken {
            &ask.rotation.successor
        }
        let mut columns = vec![
            column(asks, |ask| ask.rotation.hash.as_bytes().as_slice()),
            column(asks, |ask| ask.rotation.now.as_micros()),
            column(asks, |ask| ask.sealed.as_slice()),
            column(asks, |ask| ask.rotation.now.plus(ask.rotation.grace).as_micros()),
            column(asks, |ask| successor(ask).hash.as_bytes().as_slice()),
            column(asks, |ask| successor(ask).grant_id.as_uuid()),
            column(asks, |ask| successor(ask).client_id.as_str()),
            column(asks, |ask| successor(ask).scope.to_string()),
            column(asks, |ask| successor(ask).created_at.as_micros()),
            column(asks, |ask| successor(ask).expires_at.as_micros()),
        ];
        columns.extend(Audit::columns(asks, |ask| &ask.event));
        columns
    }
}

/// A token that is used and stays: without an opaque token.
pub(super) struct UseToken {
    pub hash: TokenHash,
    pub now: Timestamp,
    /// What is noted of it.
    pub event: Audit,
}

/// Many tokens that are used and stay; those that could be have a row.
pub(super) struct UseRefreshTokens;

impl Many for UseRefreshTokens {
    type Ask = UseToken;
    const SQL: &'static str = USE_MANY;
    const CHANGES: bool = true;

    fn columns(asks: &[UseToken]) -> Vec<Column<'_>> {
        let mut columns = vec![
            column(asks, |ask| ask.hash.as_bytes().as_slice()),
            column(asks, |ask| ask.now.as_micros()),
        ];
        columns.extend(Audit::columns(asks, |ask| &ask.event));
        columns
    }
}
