//! Follows the invalidation sequence, the one way in which nodes, and the command line beside them, tell each other
//! that something changed.
//!
//! The sequence is polled; the database's hints only wake the poll early. This is a node's only poller: a storage that
//! caches learns from the same polls, because they go through it, and bypasses its caches while none succeeds. So a
//! listener that is woken finds the cache without what has changed.

use std::{sync::Arc, time::Duration};

use authly_core::{
    Topic,
    ports::{InvalidationCursor, InvalidationLog},
};
use tokio::sync::Notify;

/// The longest time between two polls.
pub const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Who wants to know that something of a kind changed. Changes that come quickly after each other wake it once.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The kind.
    pub topic: Topic,
    /// Woken.
    pub changed: Arc<Notify>,
}

impl Listener {
    /// A listener to one kind of thing.
    pub fn new(topic: Topic) -> Self {
        Self {
            topic,
            changed: Arc::new(Notify::new()),
        }
    }
}

/// Polls for ever and wakes the listeners. At the start and after an outage all of them are woken: what they know may
/// be old.
pub async fn watch_invalidations(log: Arc<dyn InvalidationLog>, listeners: Vec<Listener>) {
    let mut watch = Watch {
        log,
        listeners,
        cursor: None,
        reachable: true,
    };
    loop {
        watch.poll().await;
        // Whichever comes first; a hint that gets lost costs one interval.
        let _ = tokio::time::timeout(POLL_INTERVAL, watch.hint()).await;
    }
}

struct Watch {
    log: Arc<dyn InvalidationLog>,
    listeners: Vec<Listener>,
    cursor: Option<InvalidationCursor>,
    reachable: bool,
}

impl Watch {
    /// While the database is away there is nothing to hint at: the interval alone decides when to try again.
    async fn hint(&self) {
        if self.reachable {
            self.log.invalidation_hint().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    async fn poll(&mut self) {
        match self.step().await {
            Ok(()) if !self.reachable => {
                self.reachable = true;
                tracing::info!("the database answers again");
                self.wake(|_| true);
            }
            Err(error) if self.reachable => {
                // Once per outage: it is polled four times a second.
                self.reachable = false;
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database does not answer"
                );
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn step(&mut self) -> Result<(), authly_core::StorageError> {
        let cursor = if let Some(cursor) = self.cursor {
            cursor
        } else {
            let start = self.log.invalidation_start().await?;
            self.cursor = Some(start);
            // What the listeners know was read before the sequence was followed: they look once more.
            self.wake(|_| true);
            start
        };
        let batch = self.log.poll_invalidations(cursor).await?;
        self.cursor = Some(batch.cursor);
        self.wake(|topic| batch.items.iter().any(|item| item.invalidation.topic == topic));
        Ok(())
    }

    fn wake(&self, concerns: impl Fn(Topic) -> bool) {
        for listener in self.listeners.iter().filter(|listener| concerns(listener.topic)) {
            listener.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use authly_core::{
        Invalidation, StorageError, TenantId,
        ports::{InvalidationBatch, SequencedInvalidation, StorageResult},
    };

    use super::*;

    /// A sequence whose polls answer what the test queued, then nothing.
    #[derive(Default)]
    struct Queue {
        answers: Mutex<Vec<Option<Topic>>>,
        polled_from: Mutex<Vec<i64>>,
    }

    #[async_trait]
    impl InvalidationLog for Queue {
        async fn invalidation_start(&self) -> StorageResult<InvalidationCursor> {
            Ok(InvalidationCursor(7))
        }
        async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
            self.polled_from.lock().unwrap().push(cursor.0);
            let mut answers = self.answers.lock().unwrap();
            let items = match (!answers.is_empty()).then(|| answers.remove(0)) {
                Some(None) => return Err(StorageError::Unavailable("gone".into())),
                Some(Some(topic)) => {
                    vec![SequencedInvalidation {
                        seq: cursor.0,
                        tenant: TenantId::default_tenant(),
                        invalidation: Invalidation {
                            topic,
                            key: "x".into(),
                        },
                    }]
                }
                None => vec![],
            };
            Ok(InvalidationBatch {
                items,
                cursor: InvalidationCursor(cursor.0 + 1),
            })
        }
        async fn invalidation_hint(&self) {
            std::future::pending::<()>().await;
        }
        async fn ping(&self) -> StorageResult<()> {
            Ok(())
        }
    }

    fn watch(answers: Vec<Option<Topic>>) -> (Arc<Queue>, Watch, [Listener; 2]) {
        let queue = Arc::new(Queue {
            answers: Mutex::new(answers),
            ..Queue::default()
        });
        let listeners = [Listener::new(Topic::Key), Listener::new(Topic::Plugin)];
        let log = Arc::clone(&queue) as Arc<dyn InvalidationLog>;
        let watch = Watch {
            log,
            listeners: listeners.to_vec(),
            cursor: None,
            reachable: true,
        };
        (queue, watch, listeners)
    }

    async fn woken(listener: &Listener) -> bool {
        tokio::select! {
            biased;
            () = listener.changed.notified() => true,
            () = tokio::task::yield_now() => false,
        }
    }

    #[tokio::test]
    async fn a_change_wakes_those_whom_it_concerns() {
        let (queue, mut watch, [key, plugin]) = watch(vec![Some(Topic::Client), Some(Topic::Plugin)]);
        watch.poll().await;
        assert!(
            woken(&plugin).await && woken(&key).await,
            "what they know is older than the first poll"
        );
        watch.poll().await;
        assert!(woken(&plugin).await && !woken(&key).await);
        watch.poll().await;
        assert!(!woken(&plugin).await);
        assert_eq!(*queue.polled_from.lock().unwrap(), [7, 8, 9]);
    }

    #[tokio::test]
    async fn an_outage_keeps_the_cursor_and_wakes_everybody_afterwards() {
        let (queue, mut watch, [key, plugin]) = watch(vec![Some(Topic::Client), None, None]);
        watch.poll().await;
        assert!(woken(&key).await && woken(&plugin).await);
        for _ in 0..2 {
            watch.poll().await;
        }
        assert!(!watch.reachable && !woken(&key).await);
        watch.poll().await;
        assert!(watch.reachable && woken(&key).await && woken(&plugin).await);
        assert_eq!(*queue.polled_from.lock().unwrap(), [7, 8, 8, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn polls_follow_each_other_within_the_interval() {
        let (queue, watch, _) = watch(vec![None]);
        let listeners = watch.listeners.clone();
        let job = watch_invalidations(Arc::clone(&queue) as _, listeners);
        let ran = tokio::time::timeout(POLL_INTERVAL * 4 + Duration::from_millis(1), job).await;
        assert!(ran.is_err(), "it runs for ever");
        assert_eq!(queue.polled_from.lock().unwrap().len(), 5);
    }
}
