//! Which requests of a connection are under way, so that one without any can be ended.
//!
//! HTTP/1 has hyper's header deadline for this. HTTP/2 has only pings, and a peer that answers those would keep a
//! connection that it does not use.
//!
//! A request costs two atomic additions and a clock reading and wakes nobody: who waits looks again when the time could
//! be over at the earliest.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// The requests between their head and the head of their answer, on one connection.
#[derive(Clone)]
pub struct UnderWay(Arc<Counts>);

struct Counts {
    under_way: AtomicUsize,
    /// When the last request was over, in microseconds since `opened`; zero before the first.
    over_at: AtomicU64,
    opened: Instant,
}

/// One request; over when dropped.
pub struct Request(Arc<Counts>);

impl UnderWay {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::new(Counts {
            under_way: AtomicUsize::new(0),
            over_at: AtomicU64::new(0),
            opened: Instant::now(),
        }))
    }

    /// A request begins.
    pub fn begin(&self) -> Request {
        self.0.under_way.fetch_add(1, Ordering::AcqRel);
        Request(Arc::clone(&self.0))
    }

    /// Resolves once no request was under way for this long without a break. An answer counts until its head is made:
    /// ours are small and in memory then, and a peer that does not take one in this time is not waited for.
    pub async fn idle_for(&self, limit: Duration) {
        loop {
            let idle = self.0.idle();
            if idle >= limit {
                return;
            }
            // While a request is under way, and whatever begins meanwhile, it cannot be over sooner.
            sleep(limit.saturating_sub(idle)).await;
        }
    }
}

impl Counts {
    /// How long nothing was under way.
    fn idle(&self) -> Duration {
        if self.under_way.load(Ordering::Acquire) > 0 {
            return Duration::ZERO;
        }
        let over_at = Duration::from_micros(self.over_at.load(Ordering::Acquire));
        self.opened.elapsed().saturating_sub(over_at)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_micros()).unwrap_or(u64::MAX);
        // Before the count: whoever sees none under way sees since when. Requests of HTTP/2 end in any order.
        self.0.over_at.fetch_max(now, Ordering::AcqRel);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

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
