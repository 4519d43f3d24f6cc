//! The login throttle. All keys of an attempt are judged and counted inside one job, so parallel attempts cannot
//! outrun the count.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp,
    ports::{ReserveOutcome, StorageResult, ThrottleKey, ThrottlePolicy, ThrottleStore},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements},
    effects,
};
use crate::{
    rows::{self, throttle_columns},
    rules::throttle::{Failures, counted, delayed_until},
};

statements! {
    LOAD = "SELECT ", throttle_columns!(), " FROM login_throttle WHERE tenant_id = ?1 AND key = ?2";
    COUNT = "INSERT INTO login_throttle (tenant_id, key, ", throttle_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (tenant_id, key) DO UPDATE SET failures = excluded.failures, \
        last_failure_at = excluded.last_failure_at, forget_at = excluded.forget_at";
    RELEASE = "UPDATE login_throttle SET failures = failures - 1 \
        WHERE tenant_id = ?1 AND key = ?2 AND failures > 1";
    RELEASE_LAST = "DELETE FROM login_throttle WHERE tenant_id = ?1 AND key = ?2 AND failures = 1";
    CLEAR = "DELETE FROM login_throttle WHERE tenant_id = ?1 AND key = ?2";
}

fn load(access: &Access<'_>, key: &ThrottleKey) -> StorageResult<Option<Failures>> {
    let key = params![access.tenant(), key.0.as_bytes()];
    access.find(LOAD, key, |row| rows::failures(row))
}

fn reserve(
    access: &Access<'_>,
    keys: &[(ThrottleKey, ThrottlePolicy)],
    now: Timestamp,
) -> StorageResult<ReserveOutcome> {
    let mut until = None;
    for (key, policy) in keys {
        until = until.max(delayed_until(load(access, key)?, policy, now));
    }
    if let Some(until) = until {
        return Ok(ReserveOutcome::Delayed { until });
    }
    for (key, policy) in keys {
        let failures = counted(load(access, key)?, policy, now);
        let row = params![
            access.tenant(),
            key.0.as_bytes(),
            failures.count,
            failures.last_at.as_micros(),
            failures.forget_at.as_micros(),
        ];
        access.execute(COUNT, row)?;
    }
    Ok(ReserveOutcome::Admitted)
}

#[async_trait]
impl ThrottleStore for SqliteTenant {
    async fn reserve_attempt(
        &self,
        keys: &[(ThrottleKey, ThrottlePolicy)],
        now: Timestamp,
    ) -> StorageResult<ReserveOutcome> {
        let keys = keys.to_vec();
        self.write(move |access| reserve(access, &keys, now)).await
    }

    async fn settle_attempt(
        &self,
        release: &[ThrottleKey],
        clear: &[ThrottleKey],
        effects: Effects,
    ) -> StorageResult<()> {
        let (release, clear) = (release.to_vec(), clear.to_vec());
        self.write(move |access| {
            for key in &release {
                if access.execute(RELEASE, params![access.tenant(), key.0.as_bytes()])? == 0 {
                    access.execute(RELEASE_LAST, params![access.tenant(), key.0.as_bytes()])?;
                }
            }
            for key in &clear {
                access.execute(CLEAR, params![access.tenant(), key.0.as_bytes()])?;
            }
            effects::store(access, &effects)
        })
        .await
    }
}
