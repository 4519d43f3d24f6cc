//! A tenant's handle.

use std::sync::Arc;

use authly_core::{
    Effects, StorageError, TenantId, UserId,
    ports::{Page, StorageResult},
};
use deadpool_postgres::Object;
use tokio::time::timeout;
use tokio_postgres::Row;
use tracing::Instrument as _;

use super::{
    columns::PgColumns,
    effects,
    errors::failure,
    many::Lines,
    pool::{Database, Param},
};
use crate::seal::Sealer;

/// One tenant's storage.
#[derive(Clone)]
pub(super) struct Tenant {
    pub db: Arc<Database>,
    pub name: TenantId,
    pub sealer: Sealer,
    /// What its requests wait for together.
    pub lines: Arc<Lines>,
}

impl Tenant {
    /// The tenant as a parameter.
    pub fn id(&self) -> &str {
        self.name.as_str()
    }

    /// Effects as a parameter.
    pub fn effects(&self, effects: Effects) -> StorageResult<String> {
        effects::document(effects, &self.name, &self.sealer)
    }
}

/// Whoever completes an authorization for a person holds their row `FOR SHARE`: this waits for it.
pub(super) const LOCK_USER: &str = "SELECT 1 FROM users WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE";

/// How often a verb that met a deadlock is run again.
const RETRIES: u32 = 3;

impl Tenant {
    /// Runs a statement that ends in [`effects!`](super::effects::effects) alone with a person: no authorization of
    /// theirs is being completed meanwhile. The statement's snapshot is taken after the lock, so that it sees the grant
    /// of one that was.
    pub async fn decide_alone<T>(
        &self,
        user_id: UserId,
        sql: &'static str,
        params: &[Param<'_>],
        decode: impl Fn(&mut PgColumns<'_>) -> StorageResult<T>,
    ) -> StorageResult<(bool, T)> {
        let mut retries = 0;
        loop {
            let mut client = self.db.client().await?;
            let work = self.attempt_alone(&mut client, user_id, sql, params);
            let outcome = timeout(self.db.answer_timeout(), work).await;
            match Database::settle(client, outcome) {
                Ok(row) => return self.db.decided(&row, &decode),
                Err(StorageError::Serialization(_)) if retries < RETRIES => retries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn attempt_alone(
        &self,
        client: &mut Object,
        user_id: UserId,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> StorageResult<Row> {
        let transaction = client.transaction().await.map_err(failure)?;
        let lock = transaction.prepare_cached(LOCK_USER).await.map_err(failure)?;
        let on: [Param<'_>; 2] = [&self.id(), &user_id.as_uuid()];
        transaction.execute(&lock, &on).await.map_err(failure)?;
        let statement = transaction.prepare_cached(sql).await.map_err(failure)?;
        let row = transaction.query_one(&statement, params).await.map_err(failure)?;
        transaction.commit().await.map_err(failure)?;
        Ok(row)
    }
}

/// Runs a verb of several statements to its end, also when its caller goes away in between: whoever replays a token and
/// hangs up does not keep the family alive.
pub(super) async fn to_its_end<T: Send + 'static>(
    verb: impl Future<Output = StorageResult<T>> + Send + 'static,
) -> StorageResult<T> {
    tokio::spawn(verb.in_current_span())
        .await
        .unwrap_or_else(|error| Err(StorageError::Backend(Box::new(error))))
}

/// How many rows a page may have.
pub(super) fn limit(page: &Page) -> i64 {
    i64::from(page.limit.min(Page::LIMIT_MAX))
}

/// Names what is taken when an insert meets a unique key.
pub(super) fn taken(made: StorageResult<bool>, what: impl FnOnce() -> String) -> StorageResult<()> {
    made.map(|_| ()).map_err(|error| match error {
        StorageError::Conflict(_) => StorageError::Conflict(what()),
        other => other,
    })
}

/// The guarded update matched nothing although nothing speaks against it: it must have met a change that was undone
/// in between. The caller may simply try again.
pub(super) fn unsettled() -> StorageError {
    #[derive(Debug, thiserror::Error)]
    #[error("the row changed while it was judged")]
    struct Unsettled;
    StorageError::Serialization(Box::new(Unsettled))
}
