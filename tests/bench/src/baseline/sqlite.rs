//! A loop over SQLite that does what the server's one writer does for rotations and nothing else: as many as there are
//! callers in one transaction, which is durable when it is committed. SQLite is set up as the server does it, and the log
//! is copied by a thread beside the loop.

use std::{
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, config::DbConfig, params};

/// The scope of every token.
const SCOPE: &str = "openid profile offline_access";

/// No token of the loop ends before this, in microseconds since the epoch.
const FAR_AWAY: i64 = 9_000_000_000_000_000;

/// Pages of the log from which it is copied, and how many of them the loop copies itself, as in the server.
const COPIED_FROM: i64 = 4_000;
const REST_MAX: i64 = 500;

/// Pages of the log at which a commit copies it, as in the server.
const LOG_PAGES_MAX: i64 = 16_000;

/// A chain of refresh tokens.
struct Chain {
    grant_id: [u8; 16],
    rotations: u64,
}

impl Chain {
    fn begin(conn: &Connection, nth: usize) -> Result<Self> {
        let grant = digest(&SHA256, format!("grant {nth}").as_bytes());
        let mut chain = Self {
            grant_id: [0; 16],
            rotations: 0,
        };
        let (start, _) = grant.as_ref().split_at(16);
        chain.grant_id.copy_from_slice(start);
        conn.execute(
            "INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, created_at, expires_at) \
             SELECT 'default', ?1, 'bench', id, ?2, 0, '[\"pwd\"]', '{}', 0, ?3 FROM users LIMIT 1",
            params![chain.grant_id, SCOPE, FAR_AWAY],
        )?;
        chain.store(conn, 0, None)?;
        Ok(chain)
    }

    /// The hash of a token of this chain.
    fn token(&self, number: u64) -> Vec<u8> {
        let text = [self.grant_id.as_slice(), &number.to_be_bytes()].concat();
        digest(&SHA256, &text).as_ref().to_vec()
    }

    /// The next rotation.
    fn rotate(&mut self, conn: &Connection, now: i64) -> Result<()> {
        let hash = self.token(self.rotations);
        let mut spend = conn.prepare_cached(
            "UPDATE refresh_tokens AS r SET consumed_at = ?3, nonce_sealed = ?4, grace_until = ?5 \
             WHERE r.tenant_id = ?1 AND r.hash = ?2 AND r.consumed_at IS NULL AND r.expires_at > ?3 \
             AND EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = r.tenant_id AND g.id = r.grant_id \
                 AND g.revoked_at IS NULL AND g.expires_at > ?3)",
        )?;
        let used = params!["default", hash, now, [0xab_u8; 60], now + 10_000_000];
        ensure!(spend.execute(used)? == 1, "a token is spent already");
        self.store(conn, self.rotations + 1, Some(&hash))?;
        conn.prepare_cached(
            "UPDATE refresh_tokens SET nonce_sealed = NULL WHERE tenant_id = ?1 AND nonce_sealed IS NOT NULL \
             AND hash = (SELECT predecessor_hash FROM refresh_tokens WHERE tenant_id = ?1 AND hash = ?2)",
        )?
        .execute(params!["default", hash])?;
        let detail = "{\"grant_id\":\"00000000-0000-0000-0000-000000000000\"}";
        conn.prepare_cached(
            "INSERT INTO audit_events (tenant_id, at, action, detail, pseudonym, client_id, request_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            "default",
            now,
            "refresh_rotated",
            detail,
            self.grant_id,
            "bench",
            "00000000-0000-0000-0000-000000000000"
        ])?;
        self.rotations += 1;
        Ok(())
    }

    fn store(&self, conn: &Connection, number: u64, predecessor: Option<&[u8]>) -> Result<()> {
        conn.prepare_cached(
            "INSERT INTO refresh_tokens (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, \
             predecessor_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            "default",
            self.token(number),
            self.grant_id,
            "bench",
            SCOPE,
            0,
            FAR_AWAY,
            predecessor
        ])?;
        Ok(())
    }
}

/// A connection as the server's writer has it.
fn open(path: &Path) -> Result<Connection> {
    let conn = Connection::open(path)?;
    conn.set_prepared_statement_cache_capacity(128);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
    conn.pragma_update(None, "cache_size", -16 * 1024)?;
    Ok(conn)
}

/// Reads how many pages the log has and how many of them were copied; `PASSIVE` copies before.
fn log(conn: &Connection, sql: &str) -> Result<(i64, i64)> {
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?)
}

const LOOK: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

fn copy_when_woken(conn: &Connection, woken: &Receiver<()>) -> Result<()> {
    while woken.recv().is_ok() {
        log(conn, COPY)?;
    }
    Ok(())
}

/// Has the log copied if it is time.
fn after_commit(conn: &Connection, wake: &SyncSender<()>) -> Result<()> {
    let (pages, copied) = log(conn, LOOK)?;
    if pages >= COPIED_FROM && pages - copied <= REST_MAX {
        log(conn, COPY)?;
    } else if pages >= COPIED_FROM {
        // It is told already if it was not done yet.
        let _ = wake.try_send(());
    }
    Ok(())
}

/// How many rotations are committed per second in the database of a server that was stopped, `batch` at a time.
///
/// # Errors
/// What SQLite says.
pub fn rotations_per_second(path: &Path, batch: usize, measured: Duration) -> Result<f64> {
    let conn = open(path)?;
    let chains = (0..batch).map(|nth| Chain::begin(&conn, nth));
    let chains = chains.collect::<Result<Vec<_>>>()?;
    ensure!(!chains.is_empty(), "nothing to rotate");
    let beside = open(path)?;
    let (wake, woken) = sync_channel(1);
    let copier = thread::spawn(move || copy_when_woken(&beside, &woken));
    let rotated = rotate(&conn, chains, measured, &wake);
    drop(wake);
    copier
        .join()
        .ok()
        .context("the thread that copies the log panicked")??;
    rotated
}

fn rotate(
    conn: &Connection,
    mut chains: Vec<Chain>,
    measured: Duration,
    wake: &SyncSender<()>,
) -> Result<f64> {
    let control = |sql: &str| conn.prepare_cached(sql)?.execute([]);
    let started = Instant::now();
    let (mut now, mut rotations) = (1, 0.0);
    while started.elapsed() < measured {
        control("BEGIN IMMEDIATE")?;
        for chain in &mut chains {
            chain.rotate(conn, now)?;
            rotations += 1.0;
        }
        control("COMMIT")?;
        after_commit(conn, wake)?;
        now += 1;
    }
    Ok(rotations / started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_spends_one_token_and_stores_another() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(include_str!("../../../../migrations/0001_core.sqlite.sql"))
            .unwrap();
        conn.execute_batch(
            "INSERT INTO users (tenant_id, id, username, normalized_username, claims, group_names, is_admin, enabled, \
             pseudonym, created_at, updated_at, verified, requires_password_change, version) \
             VALUES ('default', zeroblob(16), 'a', 'a', '{}', '[]', 0, 1, zeroblob(16), 0, 0, 1, 0, 1)",
        )
        .unwrap();
        let mut chain = Chain::begin(&conn, 0).unwrap();
        for now in 1..=3 {
            chain.rotate(&conn, now).unwrap();
        }
        let count = |condition: &str| {
            let sql = format!("SELECT count(*) FROM refresh_tokens WHERE {condition}");
            conn.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(
            (count("consumed_at IS NOT NULL"), count("consumed_at IS NULL")),
            (3, 1)
        );
        assert_eq!(count("nonce_sealed IS NOT NULL"), 1, "only of the last one spent");
    }
}
