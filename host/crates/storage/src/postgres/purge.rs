//! Housekeeping, a statement per table. `SKIP LOCKED` leaves what somebody is using to the next purge, so any number of
//! nodes may purge at once and nobody waits; the batch is taken first, in a CTE that is run once, so that its limit
//! holds whatever plan is chosen.

use std::time::Duration;

use authly_core::{
    Timestamp,
    ports::{PurgeReport, StorageResult},
};

use super::{pool::Database, statements::statements};
use crate::{CLOCK_TOLERANCE, ENDED_RETENTION, INVALIDATION_RETENTION, codec::corrupt, rows::Columns as _};

/// Removes a batch of the rows of `$table` for which `$condition` (on `$1`) holds.
macro_rules! removal {
    ($table:literal, $key:literal if $condition:literal) => {
        concat!(
            "WITH batch AS MATERIALIZED (SELECT tenant_id, ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " \
               LIMIT $2 FOR UPDATE SKIP LOCKED), \
             gone AS (DELETE FROM ",
            $table,
            " t USING batch \
               WHERE t.tenant_id = batch.tenant_id AND t.",
            $key,
            " = batch.",
            $key,
            " RETURNING 1) \
             SELECT count(*) FROM gone"
        )
    };
}

statements! {
    CODES = removal!("authorization_codes", "hash" if "expires_at <= $1");
    INTERACTIONS = removal!("interactions", "hash" if "expires_at <= $1");
    SESSIONS = removal!("sessions", "hash" if "expires_at <= $1");
    SESSIONS_ENDED = removal!("sessions", "hash" if "ended_at IS NOT NULL AND ended_at <= $1");
    REFRESH_TOKENS = removal!("refresh_tokens", "hash" if "consumed_at IS NULL AND expires_at <= $1");
    /// A rotated token stays a replay after its own expiry, for as long as there is a family to revoke.
    REFRESH_TOKENS_SPENT = removal!("refresh_tokens", "hash" if
        "consumed_at IS NOT NULL AND (tenant_id, grant_id) IN \
           (SELECT tenant_id, id FROM grants WHERE expires_at <= $1)");
    /// A revoked grant stays until it expires: it is what refuses its tokens. And an expired one until its spent
    /// tokens are gone: it is what finds them.
    GRANTS = removal!("grants", "id" if
        "expires_at <= $1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens r \
           WHERE r.tenant_id = grants.tenant_id AND r.grant_id = grants.id AND r.consumed_at IS NOT NULL)");
    ACCESS_TOKENS = removal!("access_tokens", "hash" if "expires_at <= $1");
    REVOKED_JWTS = removal!("revoked_jwts", "jti" if "expires_at <= $1");
    USED_ONCE =
        "WITH batch AS MATERIALIZED (SELECT tenant_id, namespace, hash FROM used_once WHERE expires_at <= $1 \
           LIMIT $2 FOR UPDATE SKIP LOCKED), \
         gone AS (DELETE FROM used_once t USING batch WHERE t.tenant_id = batch.tenant_id \
           AND t.namespace = batch.namespace AND t.hash = batch.hash RETURNING 1) \
         SELECT count(*) FROM gone";
    THROTTLE = removal!("login_throttle", "key" if "forget_at <= $1");
    OUTBOX = removal!("outbox", "id" if "expires_at <= $1");
    INVALIDATIONS = removal!("invalidations", "seq" if "aged_from <= $1");
    AGE_INVALIDATIONS =
        "WITH batch AS MATERIALIZED (SELECT seq FROM invalidations WHERE aged_from IS NULL \
           LIMIT $2 FOR UPDATE SKIP LOCKED), \
         aged AS (UPDATE invalidations i SET aged_from = $1 FROM batch WHERE i.seq = batch.seq RETURNING 1) \
         SELECT count(*) FROM aged";
    NONCES =
        "WITH batch AS MATERIALIZED (SELECT tenant_id, hash FROM refresh_tokens \
           WHERE nonce_sealed IS NOT NULL AND grace_until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED), \
         erased AS (UPDATE refresh_tokens r SET nonce_sealed = NULL FROM batch \
           WHERE r.tenant_id = batch.tenant_id AND r.hash = batch.hash RETURNING 1) \
         SELECT count(*) FROM erased";
}

/// What is removed, and for how long after its end it is kept.
const REMOVALS: [(&str, Duration); 13] = [
    (CODES, ENDED_RETENTION),
    (INTERACTIONS, ENDED_RETENTION),
    (SESSIONS, Duration::ZERO),
    (SESSIONS_ENDED, Duration::ZERO),
    (REFRESH_TOKENS, Duration::ZERO),
    (REFRESH_TOKENS_SPENT, Duration::ZERO),
    (GRANTS, Duration::ZERO),
    (ACCESS_TOKENS, Duration::ZERO),
    (REVOKED_JWTS, CLOCK_TOLERANCE),
    (USED_ONCE, CLOCK_TOLERANCE),
    (THROTTLE, Duration::ZERO),
    (OUTBOX, Duration::ZERO),
    (INVALIDATIONS, INVALIDATION_RETENTION),
];

pub(super) async fn purge(db: &Database, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
    let mut report = PurgeReport {
        removed: 0,
        nonces_erased: sweep(db, NONCES, now, batch).await?,
    };
    for (sql, kept) in REMOVALS {
        report.removed += sweep(db, sql, now.minus(kept), batch).await?;
    }
    sweep(db, AGE_INVALIDATIONS, now, batch).await?;
    Ok(report)
}

async fn sweep(db: &Database, sql: &'static str, before: Timestamp, batch: u32) -> StorageResult<u64> {
    let rows = db.write(sql, &[&before.as_micros(), &i64::from(batch)]).await?;
    let row = rows.first().ok_or_else(|| corrupt("no count"))?;
    let count = super::columns::PgColumns::new(row).int()?;
    Ok(u64::try_from(count).unwrap_or(0))
}
