//! Reloads something whenever it changed anywhere: signing keys, plugins.

use std::{sync::Arc, time::Duration};

use authly_core::ports::BoxError;
use tokio::sync::Notify;

/// Time until a reload that failed is tried again.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Runs `reload` each time `changed` is woken; until it succeeds, again and again. What was loaded before stays in
/// use meanwhile.
pub async fn reload_when_changed<F, R>(what: &'static str, changed: Arc<Notify>, reload: F)
where
    F: Fn() -> R + Send,
    R: Future<Output = Result<(), BoxError>> + Send,
{
    loop {
        changed.notified().await;
        while let Err(error) = reload().await {
            tracing::error!(
                what,
                error = error.as_ref() as &dyn std::error::Error,
                "reload failed"
            );
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reload_that_fails_is_tried_again_until_it_succeeds() {
        let changed = Arc::new(Notify::new());
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let job = reload_when_changed("keys", Arc::clone(&changed), move || {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if nth < 2 {
                    Err(BoxError::from("away"))
                } else {
                    Ok(())
                }
            }
        });
        changed.notify_one();
        let ran = tokio::time::timeout(RETRY_INTERVAL * 10, job).await;
        assert!(ran.is_err(), "it runs for ever");
        assert_eq!(tries.load(Ordering::SeqCst), 3);
    }
}
