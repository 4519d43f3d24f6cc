//! Housekeeping in turns on the writer. A turn changes a bounded number of rows, whatever their tables, and then others
//! get theirs; when little has expired, one turn looks at everything.

use std::time::Duration;

use async_trait::async_trait;
use authly_core::{
    Timestamp,
    ports::{Maintenance, PurgeReport, StorageResult},
};
use rusqlite::{Connection, params};

use super::{
    SqliteStorage,
    access::{execute, statements},
};
use crate::{CLOCK_TOLERANCE, ENDED_RETENTION, INVALIDATION_RETENTION};

statements! {
    CODES = "DELETE FROM authorization_codes WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM authorization_codes WHERE expires_at <= ?1 LIMIT ?2)";
    INTERACTIONS = "DELETE FROM interactions WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM interactions WHERE expires_at <= ?1 LIMIT ?2)";
    SESSIONS = "DELETE FROM sessions WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM sessions WHERE expires_at <= ?1 LIMIT ?2)";
    SESSIONS_ENDED = "DELETE FROM sessions WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM sessions WHERE ended_at IS NOT NULL AND ended_at <= ?1 LIMIT ?2)";
    REFRESH_TOKENS = "DELETE FROM refresh_tokens WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM refresh_tokens WHERE consumed_at IS NULL AND expires_at <= ?1 LIMIT ?2)";
    // A rotated token stays a replay after its own expiry, for as long as there is a family to revoke. Those of the
    // grants that ended first; the cross join keeps SQLite from starting with all that were ever spent.
    REFRESH_TOKENS_SPENT = "DELETE FROM refresh_tokens WHERE (tenant_id, hash) IN \
        (SELECT r.tenant_id, r.hash \
            FROM (SELECT tenant_id, id FROM grants WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) ended \
            CROSS JOIN refresh_tokens r ON r.tenant_id = ended.tenant_id AND r.grant_id = ended.id \
            WHERE r.consumed_at IS NOT NULL LIMIT ?2)";
    // A revoked grant stays until it expires: it is what refuses its tokens. And an expired one until its spent tokens
    // are gone: it is what finds them. Only those are looked at whose spent tokens went just before: looking further
    // would pass over all that wait for their turn, again in every step.
    GRANTS = "DELETE FROM grants WHERE (tenant_id, id) IN \
        (SELECT tenant_id, id \
            FROM (SELECT tenant_id, id FROM grants WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2) ended \
            WHERE NOT EXISTS (SELECT 1 FROM refresh_tokens r \
                WHERE r.tenant_id = ended.tenant_id AND r.grant_id = ended.id AND r.consumed_at IS NOT NULL))";
    ACCESS_TOKENS = "DELETE FROM access_tokens WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM access_tokens WHERE expires_at <= ?1 LIMIT ?2)";
    REVOKED_JWTS = "DELETE FROM revoked_jwts WHERE (tenant_id, jti) IN \
        (SELECT tenant_id, jti FROM revoked_jwts WHERE expires_at <= ?1 LIMIT ?2)";
    USED_ONCE = "DELETE FROM used_once WHERE (tenant_id, namespace, hash) IN \
        (SELECT tenant_id, namespace, hash FROM used_once WHERE expires_at <= ?1 LIMIT ?2)";
    THROTTLE = "DELETE FROM login_throttle WHERE (tenant_id, key) IN \
        (SELECT tenant_id, key FROM login_throttle WHERE forget_at <= ?1 LIMIT ?2)";
    OUTBOX = "DELETE FROM outbox WHERE (tenant_id, id) IN \
        (SELECT tenant_id, id FROM outbox WHERE expires_at <= ?1 LIMIT ?2)";
    INVALIDATIONS = "DELETE FROM invalidations WHERE seq IN \
        (SELECT seq FROM invalidations WHERE aged_from <= ?1 LIMIT ?2)";
    AGE_INVALIDATIONS = "UPDATE invalidations SET aged_from = ?1 WHERE seq IN \
        (SELECT seq FROM invalidations WHERE aged_from IS NULL LIMIT ?2)";
    NONCES = "UPDATE refresh_tokens SET nonce_sealed = NULL WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM refresh_tokens \
            WHERE nonce_sealed IS NOT NULL AND grace_until <= ?1 LIMIT ?2)";
}

/// What a statement of the purge does with its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    Removes,
    ErasesNonces,
    AgesInvalidations,
}

/// Everything a purge does: by which statement, and for how long after its end a row is left alone.
const SWEEPS: [(Sweep, &str, Duration); 15] = [
    (Sweep::ErasesNonces, NONCES, Duration::ZERO),
    (Sweep::AgesInvalidations, AGE_INVALIDATIONS, Duration::ZERO),
    (Sweep::Removes, CODES, ENDED_RETENTION),
    (Sweep::Removes, INTERACTIONS, ENDED_RETENTION),
    (Sweep::Removes, SESSIONS, Duration::ZERO),
    (Sweep::Removes, SESSIONS_ENDED, Duration::ZERO),
    (Sweep::Removes, REFRESH_TOKENS, Duration::ZERO),
    (Sweep::Removes, REFRESH_TOKENS_SPENT, Duration::ZERO),
    (Sweep::Removes, GRANTS, Duration::ZERO),
    (Sweep::Removes, ACCESS_TOKENS, Duration::ZERO),
    (Sweep::Removes, REVOKED_JWTS, CLOCK_TOLERANCE),
    (Sweep::Removes, USED_ONCE, CLOCK_TOLERANCE),
    (Sweep::Removes, THROTTLE, Duration::ZERO),
    (Sweep::Removes, OUTBOX, Duration::ZERO),
    (Sweep::Removes, INVALIDATIONS, INVALIDATION_RETENTION),
];

/// A turn: goes through `sweeps` until it has changed `batch` rows, and answers how many sweeps it has done.
fn turn(
    conn: &Connection,
    sweeps: &[(Sweep, &str, Duration)],
    (now, batch): (Timestamp, u32),
    report: &mut PurgeReport,
) -> StorageResult<usize> {
    let mut left = batch;
    for (done, (sweep, sql, kept)) in sweeps.iter().enumerate() {
        let rows = execute(conn, sql, params![now.minus(*kept).as_micros(), left])?;
        match sweep {
            Sweep::Removes => report.removed += rows as u64,
            Sweep::ErasesNonces => report.nonces_erased += rows as u64,
            Sweep::AgesInvalidations => {}
        }
        left = left.saturating_sub(u32::try_from(rows).unwrap_or(u32::MAX));
        if left == 0 {
            report.more = true;
            return Ok(done + 1);
        }
    }
    Ok(sweeps.len())
}

#[async_trait]
impl Maintenance for SqliteStorage {
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
        let (mut report, mut done) = (PurgeReport::default(), 0);
        while let Some(sweeps) = SWEEPS.get(done..).filter(|rest| !rest.is_empty()) {
            let so_far = report;
            let work = move |conn: &Connection, _: &_| {
                let mut report = so_far;
                let done = turn(conn, sweeps, (now, batch), &mut report)?;
                Ok((done, report))
            };
            let (swept, after) = self.database.write(work).await?;
            (done, report) = (done + swept, after);
        }
        Ok(report)
    }
}
