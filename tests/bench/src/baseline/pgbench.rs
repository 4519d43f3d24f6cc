//! pgbench with one statement that touches what a rotation touches: the grant is locked, the token spent, the nonce of
//! its predecessor erased, the successor and an audit event stored. It is the server's statement for one rotation, and
//! every rotation is a commit of its own; the server's rotations share commits.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use authly_testkit::postgres::TestDatabase;
use tokio::process::Command;

use crate::plan::Plan;

/// A grant and a first refresh token for each of `$clients` clients.
const CHAINS: &str = "
INSERT INTO grants
  (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, created_at, expires_at)
  SELECT 'default', md5('pgbench ' || c)::uuid, 'bench', (SELECT id FROM users LIMIT 1), 'openid profile offline_access',
    0, '[\"pwd\"]', '{}', 0, 9000000000000000
  FROM generate_series(0, $clients - 1) AS c;
INSERT INTO refresh_tokens (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at)
  SELECT 'default', sha256(convert_to(c || '/0', 'UTF8')), md5('pgbench ' || c)::uuid, 'bench',
    'openid profile offline_access', 0, 9000000000000000
  FROM generate_series(0, $clients - 1) AS c;
";

/// Every client rotates a chain of its own: token `n` of client `c` is the hash of `c/n`. Dividing by the number of
/// spent tokens ends the run when there was none to spend.
const ROTATION: &str = r"\set n :n + 1
WITH presented AS (SELECT sha256(convert_to(:client_id::text || '/' || (:n::int - 1)::text, 'UTF8')) AS hash,
    sha256(convert_to(:client_id::text || '/' || :n::text, 'UTF8')) AS successor,
    md5('pgbench ' || :client_id::text)::uuid AS family,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now),
  live AS (SELECT p.* FROM presented p
    JOIN grants g ON g.tenant_id = 'default' AND g.id = p.family
    WHERE g.revoked_at IS NULL AND g.expires_at > p.now FOR SHARE OF g),
  rotated AS (UPDATE refresh_tokens r SET consumed_at = live.now, grace_until = live.now + 10000000,
      nonce_sealed = decode(repeat('ab', 60), 'hex') FROM live
    WHERE r.tenant_id = 'default' AND r.hash = live.hash AND r.grant_id = live.family
      AND r.consumed_at IS NULL AND r.expires_at > live.now
    RETURNING r.hash, r.predecessor_hash, r.grant_id, live.successor, live.now),
  erased AS (UPDATE refresh_tokens p SET nonce_sealed = NULL FROM rotated
    WHERE p.tenant_id = 'default' AND p.hash = rotated.predecessor_hash AND p.nonce_sealed IS NOT NULL),
  stored AS (INSERT INTO refresh_tokens
      (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, predecessor_hash)
    SELECT 'default', successor, grant_id, 'bench', 'openid profile offline_access', now, now + 2592000000000, hash
    FROM rotated),
  audited AS (INSERT INTO audit_events (tenant_id, at, action, detail, pseudonym, client_id, request_id)
    SELECT 'default', now, 'refresh_rotated', json_build_object('grant_id', grant_id)::text, grant_id, 'bench',
      grant_id::text
    FROM rotated)
SELECT 1 / count(*) FROM rotated;
";

/// How many rotations are committed per second by as many clients as the plan has callers.
///
/// # Errors
/// When pgbench fails.
pub async fn rotations_per_second(plan: &Plan, program: &Path, database: &TestDatabase) -> Result<f64> {
    let clients = plan.callers.to_string();
    database.execute(&CHAINS.replace("$clients", &clients)).await?;
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(script.path(), ROTATION)?;
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--define=n=0", "--jobs=2"])
        .args(["--client", &clients, "--time", &plan.seconds.to_string()])
        .arg("--file")
        .arg(script.path())
        .arg("--host")
        .arg(database.server().socket_dir())
        .args(["--username", "authly", database.name()])
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot run pgbench")?;
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    // It ends well even when every client gave up.
    ensure!(
        output.status.success() && !errors.contains("ERROR"),
        "pgbench: {said}{errors}"
    );
    transactions_per_second(&said).with_context(|| format!("pgbench said no rate: {said}"))
}

/// `tps = 1234.567890 (without initial connection time)`
fn transactions_per_second(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_its_line() {
        let said = "latency average = 3.1 ms\ninitial connection time = 9.2 ms\n\
                    tps = 5123.500000 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(5_123.5));
        assert_eq!(transactions_per_second("pgbench: error"), None);
    }
}
