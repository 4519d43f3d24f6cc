//! What the server does beside answering requests. Every job ends with the shutdown token, and none dies of an error:
//! it says so and tries again.

mod invalidations;
mod key_rotation;
mod purge;
mod reload;

use std::sync::Arc;

use authly_core::{Clock, ports::Storage};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use invalidations::{Listener, POLL_INTERVAL, watch_invalidations};
pub use key_rotation::{ROTATION_INTERVAL, rotate_keys};
pub use purge::{PURGE_BATCH, PURGE_INTERVAL, purge_expired};
pub use reload::{RETRY_INTERVAL, reload_when_changed};

/// The running jobs.
#[derive(Debug, Default)]
pub struct Jobs {
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Jobs {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token that ends them, for a job that must tidy up before it goes.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a job; once the jobs are stopped it is dropped at its next await.
    pub fn spawn(&self, name: &'static str, job: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            if shutdown.run_until_cancelled(job).await.is_some() {
                tracing::error!(job = name, "a background job that should run for ever has ended");
            }
        });
    }

    /// Starts the jobs that every node runs: following invalidations and purging what has expired.
    pub fn start(&self, storage: &Arc<dyn Storage>, clock: &Arc<dyn Clock>, listeners: Vec<Listener>) {
        self.spawn(
            "invalidations",
            watch_invalidations(Arc::clone(storage) as _, listeners),
        );
        self.spawn(
            "purge",
            purge_expired(Arc::clone(storage) as _, Arc::clone(clock)),
        );
    }

    /// Ends every job and waits until they are gone.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stop_ends_every_job() {
        let jobs = Jobs::new();
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        jobs.spawn("endless", async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        jobs.stop().await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
