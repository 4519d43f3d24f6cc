//! Which requests of a connection are under way, so that one without any can be ended.
//!
//! HTTP/1 has hyper's header deadline for this. HTTP/2 has only pings, and a peer that answers those would keep a
//! connection that it does not use.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

/// The count of requests between their head and the head of their answer, on one connection.
#[derive(Clone)]
pub struct UnderWay(Arc<watch::Sender<usize>>);

/// One request; over when dropped.
pub struct Request(Arc<watch::Sender<usize>>);

impl UnderWay {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// A request begins.
    pub fn begin(&self) -> Request {
        self.0.send_modify(|count| *count += 1);
        Request(Arc::clone(&self.0))
    }

    /// Resolves once no request was under way for this long without a break. An answer counts until its head is made:
    /// ours are small and in memory then, and a peer that does not take one in this time is not waited for.
    pub async fn idle_for(&self, limit: Duration) {
        let mut count = self.0.subscribe();
        loop {
            let is_idle = *count.borrow_and_update() == 0;
            // The sender lives in `self`, so a change is the only way for this to end.
            if is_idle {
                if timeout(limit, count.changed()).await.is_err() {
                    return;
                }
            } else if count.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn the_time_runs_only_while_nothing_is_under_way() {
        let under_way = UnderWay::new();
        let started = Instant::now();
        under_way.idle_for(LIMIT).await;
        assert_eq!(started.elapsed(), LIMIT);

        let request = under_way.begin();
        assert!(timeout(LIMIT * 9, under_way.idle_for(LIMIT)).await.is_err());
        drop(request);

        let started = Instant::now();
        let busy_once = async {
            sleep(LIMIT / 2).await;
            drop(under_way.begin());
        };
        tokio::join!(busy_once, under_way.idle_for(LIMIT));
        assert_eq!(
            started.elapsed(),
            LIMIT / 2 + LIMIT,
            "a short request begins the time anew"
        );
    }
}
