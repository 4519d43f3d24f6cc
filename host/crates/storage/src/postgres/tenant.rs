//! A tenant's handle.

use std::sync::Arc;

use authly_core::{
    Effects, StorageError, TenantId,
    ports::{Page, StorageResult},
};

use super::{effects, pool::Database};
use crate::seal::Sealer;

/// One tenant's storage.
#[derive(Clone)]
pub(super) struct Tenant {
    pub db: Arc<Database>,
    pub name: TenantId,
    pub sealer: Sealer,
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

/// Runs a verb of several statements to its end, also when its caller goes away in between: whoever replays a token and
/// hangs up does not keep the family alive.
pub(super) async fn to_its_end<T: Send + 'static>(
    verb: impl Future<Output = StorageResult<T>> + Send + 'static,
) -> StorageResult<T> {
    tokio::spawn(verb)
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
