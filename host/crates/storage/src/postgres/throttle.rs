//! The login throttle.
//!
//! Counts are decided by the shared rule, so a reservation reads, judges and writes. Advisory locks on its keys, taken
//! in order, make it alone with them: a row that does not exist yet cannot be locked, and twenty parallel first
//! failures must not all be the first. They end with the transaction, and nothing slow happens within it. The rows
//! are locked as well, because [`settle_attempt`](ThrottleStore::settle_attempt) and the purge take only those.

use std::collections::BTreeMap;

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp,
    ports::{ReserveOutcome, StorageResult, ThrottleKey, ThrottlePolicy, ThrottleStore},
};
use deadpool_postgres::{Object, Transaction};
use tokio::time::timeout;

use super::{
    Tenant,
    columns::PgColumns,
    effects::effects,
    errors::failure,
    pool::{Database, Param},
    statements::statements,
};
use crate::{
    rows::{self, Columns as _, throttle_columns},
    rules::throttle::{Failures, counted, delayed_until},
};

statements! {
    /// `unnest` keeps the order of its array, which is sorted: no deadlock.
    LOCK = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key";
    READ = concat!(
        "SELECT key, ", throttle_columns!(), " FROM login_throttle WHERE tenant_id = $1 AND key = ANY($2) \
         ORDER BY key FOR UPDATE"
    );
    STORE = concat!(
        "INSERT INTO login_throttle (tenant_id, key, ", throttle_columns!(), ") \
         SELECT $1::text, t.* FROM unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[]) AS t \
         ON CONFLICT (tenant_id, key) DO UPDATE SET failures = EXCLUDED.failures, \
         last_failure_at = EXCLUDED.last_failure_at, forget_at = EXCLUDED.forget_at"
    );
    /// `locked` waits for a reservation under way and then shows the counts as it left them; deciding by the counts
    /// of the statement's own snapshot would lose its failure. A count never becomes zero: its row goes.
    SETTLE = concat!(
        "WITH locked AS MATERIALIZED (SELECT key, failures FROM login_throttle \
           WHERE tenant_id = $1 AND (key = ANY($2) OR key = ANY($3)) ORDER BY key FOR UPDATE), \
         released AS (UPDATE login_throttle t SET failures = locked.failures - 1 FROM locked \
           WHERE t.tenant_id = $1 AND t.key = locked.key AND locked.failures > 1 AND NOT locked.key = ANY($3)), \
         cleared AS (DELETE FROM login_throttle t USING locked \
           WHERE t.tenant_id = $1 AND t.key = locked.key AND (locked.failures <= 1 OR locked.key = ANY($3))), \
         settled AS (SELECT 1)",
        effects!("$4" if "settled")
    );
}

/// Each key once, in order.
type Keys = BTreeMap<[u8; 32], ThrottlePolicy>;

#[async_trait]
impl ThrottleStore for Tenant {
    async fn reserve_attempt(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome> {
        let keys: Keys = keys
            .iter()
            .map(|(key, policy)| (*key.0.as_bytes(), *policy))
            .collect();
        let mut client = self.db.client().await?;
        let work = self.reserve(&mut client, &keys, now);
        let outcome = timeout(self.db.answer_timeout(), work).await;
        Database::settle(client, outcome)
    }

    async fn settle_attempt(
        &self,
        release: &[ThrottleKey],
        clear: &[ThrottleKey],
        effects: Effects,
    ) -> StorageResult<()> {
        let bytes = |keys: &[ThrottleKey]| keys.iter().map(|k| k.0.as_bytes().to_vec()).collect::<Vec<_>>();
        self.db
            .decide(
                SETTLE,
                &[
                    &self.id(),
                    &bytes(release),
                    &bytes(clear),
                    &self.effects(effects)?,
                ],
            )
            .await?;
        Ok(())
    }
}

impl Tenant {
    async fn reserve(
        &self,
        client: &mut Object,
        keys: &Keys,
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome> {
        // Dropped without a commit it is rolled back, on whichever path it is left.
        let transaction = client.transaction().await.map_err(failure)?;
        let stored = self.lock_failures(&transaction, keys).await?;
        let delays = keys
            .iter()
            .filter_map(|(key, policy)| delayed_until(stored.get(key).copied(), policy, now));
        if let Some(until) = delays.max() {
            return Ok(ReserveOutcome::Delayed { until });
        }
        let counts = keys
            .iter()
            .map(|(key, policy)| (key.to_vec(), counted(stored.get(key).copied(), policy, now)));
        self.store_failures(&transaction, counts.collect()).await?;
        transaction.commit().await.map_err(failure)?;
        Ok(ReserveOutcome::Admitted)
    }

    /// The counts, once we are alone with them. The two statements travel together, and the second has a snapshot of
    /// its own, taken after the locks.
    async fn lock_failures(
        &self,
        transaction: &Transaction<'_>,
        keys: &Keys,
    ) -> StorageResult<BTreeMap<[u8; 32], Failures>> {
        let mut locks: Vec<i64> = keys.keys().map(advisory_key).collect();
        locks.sort_unstable();
        let bytes: Vec<&[u8]> = keys.keys().map(<[u8; 32]>::as_slice).collect();
        let lock = transaction.prepare_cached(LOCK).await.map_err(failure)?;
        let read = transaction.prepare_cached(READ).await.map_err(failure)?;
        let tenant = self.id();
        let (lock_on, read_of): ([Param<'_>; 1], [Param<'_>; 2]) = ([&locks], [&tenant, &bytes]);
        let (_, stored) = futures_util::try_join!(
            transaction.execute(&lock, &lock_on),
            transaction.query(&read, &read_of),
        )
        .map_err(failure)?;
        stored
            .iter()
            .map(|row| {
                let mut columns = PgColumns::new(row);
                let key = columns.hash("login_throttle.key")?;
                Ok((*key.as_bytes(), rows::failures(&mut columns)?))
            })
            .collect()
    }

    async fn store_failures(
        &self,
        transaction: &Transaction<'_>,
        counts: Vec<(Vec<u8>, Failures)>,
    ) -> StorageResult<()> {
        let column = |value: fn(&Failures) -> i64| counts.iter().map(|(_, f)| value(f)).collect::<Vec<i64>>();
        let failures = column(|f| f.count);
        let last_at = column(|f| f.last_at.as_micros());
        let forget_at = column(|f| f.forget_at.as_micros());
        let keys: Vec<&[u8]> = counts.iter().map(|(key, _)| key.as_slice()).collect();
        let store = transaction.prepare_cached(STORE).await.map_err(failure)?;
        transaction
            .execute(&store, &[&self.id(), &keys, &failures, &last_at, &forget_at])
            .await
            .map_err(failure)?;
        Ok(())
    }
}

/// The key of the advisory lock: the start of the hash. Two keys that share it merely wait for each other.
fn advisory_key(key: &[u8; 32]) -> i64 {
    key.first_chunk().map_or(0, |start| i64::from_be_bytes(*start))
}
