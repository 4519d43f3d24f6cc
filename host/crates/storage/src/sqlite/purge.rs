//! Housekeeping, a job per table, so that other writers get their turn between two.

use std::time::Duration;

use async_trait::async_trait;
use authly_core::{
    Timestamp,
    ports::{Maintenance, PurgeReport, StorageResult},
};
use rusqlite::params;

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
    // A rotated token stays a replay after its own expiry, for as long as there is a family to revoke.
    REFRESH_TOKENS_SPENT = "DELETE FROM refresh_tokens WHERE (tenant_id, hash) IN \
        (SELECT r.tenant_id, r.hash FROM grants g \
            JOIN refresh_tokens r ON r.tenant_id = g.tenant_id AND r.grant_id = g.id \
            WHERE g.expires_at <= ?1 AND r.consumed_at IS NOT NULL LIMIT ?2)";
    // A revoked grant stays until it expires: it is what refuses its tokens. And an expired one until its spent tokens
    // are gone: it is what finds them.
    GRANTS = "DELETE FROM grants WHERE (tenant_id, id) IN \
        (SELECT tenant_id, id FROM grants g WHERE expires_at <= ?1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens r \
            WHERE r.tenant_id = g.tenant_id AND r.grant_id = g.id AND r.consumed_at IS NOT NULL) LIMIT ?2)";
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
        (SELECT seq FROM invalidations WHERE aged_from <= ?1 ORDER BY seq LIMIT ?2)";
    AGE_INVALIDATIONS = "UPDATE invalidations SET aged_from = ?1 WHERE seq IN \
        (SELECT seq FROM invalidations WHERE aged_from IS NULL ORDER BY seq LIMIT ?2)";
    NONCES = "UPDATE refresh_tokens SET nonce_sealed = NULL WHERE (tenant_id, hash) IN \
        (SELECT tenant_id, hash FROM refresh_tokens \
            WHERE nonce_sealed IS NOT NULL AND grace_until <= ?1 LIMIT ?2)";
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

impl SqliteStorage {
    async fn sweep(&self, sql: &'static str, before: Timestamp, batch: u32) -> StorageResult<u64> {
        self.database
            .write(move |conn, _| execute(conn, sql, params![before.as_micros(), batch]).map(|n| n as u64))
            .await
    }
}

#[async_trait]
impl Maintenance for SqliteStorage {
    async fn purge(&self, now: Timestamp, batch: u32) -> StorageResult<PurgeReport> {
        let mut report = PurgeReport {
            removed: 0,
            nonces_erased: self.sweep(NONCES, now, batch).await?,
        };
        for (sql, kept) in REMOVALS {
            report.removed += self.sweep(sql, now.minus(kept), batch).await?;
        }
        self.sweep(AGE_INVALIDATIONS, now, batch).await?;
        Ok(report)
    }
}
