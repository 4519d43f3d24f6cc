//! Housekeeping, a statement per table. `SKIP LOCKED` leaves what somebody is using to the next purge, so any number of
//! nodes may purge at once and nobody waits.
//!
//! Each statement takes the rows that ended first along their index, and then goes to them by their place (`ctid`): they
//! are locked by then, so the place cannot change, and there is no join whose plan could be a scan of the table.

use std::time::Duration;

use authly_core::{
    Timestamp,
    ports::{PurgeReport, StorageResult},
};

use super::{pool::Database, statements::statements};
use crate::{CLOCK_TOLERANCE, ENDED_RETENTION, INVALIDATION_RETENTION, codec::corrupt, rows::Columns as _};

/// The places of a batch of the rows of `$table` for which `$condition` (on `$1`) holds, from the lowest `$order`.
///
/// The second limit is no more than a word to the planner: it knows no parameter's value and takes `$2` for a tenth of
/// the table, for which it would rather read all of it.
macro_rules! batch {
    ($table:literal if $condition:literal by $order:literal) => {
        concat!(
            "ARRAY(SELECT place FROM (SELECT ctid AS place FROM ",
            $table,
            " WHERE ",
            $condition,
            " ORDER BY ",
            $order,
            " LIMIT $2 FOR UPDATE SKIP LOCKED) AS batch LIMIT 1000)"
        )
    };
}

/// Removes the rows of `$table` at the places `$batch`, and answers how many there were.
macro_rules! removal {
    ($table:literal at $batch:expr) => {
        concat!(
            "WITH gone AS (DELETE FROM ",
            $table,
            " WHERE ctid = ANY (",
            $batch,
            ") RETURNING 1) SELECT count(*) FROM gone"
        )
    };
    ($table:literal if $condition:literal by $order:literal) => {
        removal!($table at batch!($table if $condition by $order))
    };
}

statements! {
    CODES = removal!("authorization_codes" if "expires_at <= $1" by "expires_at");
    INTERACTIONS = removal!("interactions" if "expires_at <= $1" by "expires_at");
    SESSIONS = removal!("sessions" if "expires_at <= $1" by "expires_at");
    SESSIONS_ENDED = removal!("sessions" if "ended_at IS NOT NULL AND ended_at <= $1" by "ended_at");
    REFRESH_TOKENS = removal!("refresh_tokens" if "consumed_at IS NULL AND expires_at <= $1" by "expires_at");
    /// A rotated token stays a replay after its own expiry, for as long as there is a family to revoke. Those of the
    /// grants that ended first: their next batch is found without passing over what was removed before.
    REFRESH_TOKENS_SPENT = removal!("refresh_tokens" at
        "ARRAY(SELECT place FROM (SELECT spent.ctid AS place \
           FROM (SELECT tenant_id, id FROM grants WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) AS ended \
           CROSS JOIN LATERAL (SELECT ctid FROM refresh_tokens r \
             WHERE r.tenant_id = ended.tenant_id AND r.grant_id = ended.id AND r.consumed_at IS NOT NULL \
             LIMIT $2 FOR UPDATE SKIP LOCKED) AS spent LIMIT $2) AS batch LIMIT 1000)");
    /// A revoked grant stays until it expires: it is what refuses its tokens. And an expired one until its spent
    /// tokens are gone: it is what finds them. Only those are looked at whose spent tokens went just before: looking
    /// further would pass over all that wait for their turn, again in every step.
    GRANTS = removal!("grants" at
        "ARRAY(SELECT place FROM (SELECT ended.ctid AS place \
           FROM (SELECT ctid, tenant_id, id FROM grants WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
             FOR UPDATE SKIP LOCKED) AS ended \
           WHERE (SELECT 1 FROM refresh_tokens r WHERE r.tenant_id = ended.tenant_id AND r.grant_id = ended.id \
             AND r.consumed_at IS NOT NULL LIMIT 1) IS NULL) AS batch LIMIT 1000)");
    ACCESS_TOKENS = removal!("access_tokens" if "expires_at <= $1" by "expires_at");
    REVOKED_JWTS = removal!("revoked_jwts" if "expires_at <= $1" by "expires_at");
    USED_ONCE = removal!("used_once" if "expires_at <= $1" by "expires_at");
    THROTTLE = removal!("login_throttle" if "forget_at <= $1" by "forget_at");
    OUTBOX = removal!("outbox" if "expires_at <= $1" by "expires_at");
    INVALIDATIONS = removal!("invalidations" if "aged_from <= $1" by "aged_from");
    AGE_INVALIDATIONS = concat!(
        "WITH aged AS (UPDATE invalidations SET aged_from = $1 WHERE ctid = ANY (",
        batch!("invalidations" if "aged_from IS NULL" by "aged_from"),
        ") RETURNING 1) SELECT count(*) FROM aged"
    );
    NONCES = concat!(
        "WITH erased AS (UPDATE refresh_tokens SET nonce_sealed = NULL WHERE ctid = ANY (",
        batch!("refresh_tokens" if "nonce_sealed IS NOT NULL AND grace_until <= $1" by "grace_until"),
        ") RETURNING 1) SELECT count(*) FROM erased"
    );
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
    let nonces_erased = sweep(db, NONCES, now, batch).await?;
    let aged = sweep(db, AGE_INVALIDATIONS, now, batch).await?;
    let mut report = PurgeReport {
        removed: 0,
        nonces_erased,
        more: nonces_erased.max(aged) >= u64::from(batch),
    };
    for (sql, kept) in REMOVALS {
        let removed = sweep(db, sql, now.minus(kept), batch).await?;
        report.removed += removed;
        report.more |= removed >= u64::from(batch);
    }
    Ok(report)
}

async fn sweep(db: &Database, sql: &'static str, before: Timestamp, batch: u32) -> StorageResult<u64> {
    let rows = db.write(sql, &[&before.as_micros(), &i64::from(batch)]).await?;
    let row = rows.first().ok_or_else(|| corrupt("no count"))?;
    super::columns::PgColumns::new(row).count()
}
