//! Reading, which never waits for the writer (WAL). A look-up of a few rows by their keys runs where it is asked for
//! ([`LookUps`]); what may take longer goes to threads that each own a connection and take from one queue ([`start`]).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::writer::guarded;

/// Reads that wait for a thread; beyond them callers wait for a place.
const QUEUE: usize = 1024;

/// Connections for look-ups: one takes less time than to wake a thread for it, and no longer than what else a request
/// computes in one piece.
pub(super) struct LookUps {
    idle: Mutex<Vec<Connection>>,
}

impl LookUps {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self {
            idle: Mutex::new(connections),
        }
    }

    /// Runs `work` here and now, or gives it back when every connection is in use.
    pub(super) fn run<T, W>(&self, work: W) -> Result<StorageResult<T>, W>
    where
        W: FnOnce(&Connection) -> StorageResult<T>,
    {
        // The one that was used last: what it has read before is at hand.
        let Some(conn) = self.idle().pop() else {
            return Err(work);
        };
        let found = guarded(|| work(&conn));
        self.idle().push(conn);
        Ok(found)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queued read.
pub(super) type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Makes a job of `work`.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&Connection) -> StorageResult<T> + Send + 'static,
) -> (Job, oneshot::Receiver<StorageResult<T>>) {
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(move |conn: &Connection| {
        if !sender.is_closed() {
            // A caller that went away meanwhile needs no answer.
            let _ = sender.send(guarded(|| work(conn)));
        }
    });
    (job, receiver)
}

/// Starts a thread per connection. They end when every sender is gone and the queue is empty.
pub(super) fn start(connections: Vec<Connection>) -> StorageResult<mpsc::Sender<Job>> {
    let (sender, receiver) = mpsc::channel::<Job>(QUEUE);
    let receiver = Arc::new(Mutex::new(receiver));
    for conn in connections {
        let receiver = Arc::clone(&receiver);
        std::thread::Builder::new()
            .name("authly-sqlite-reader".to_owned())
            .spawn(move || {
                while let Some(job) = next(&receiver) {
                    job(&conn);
                }
            })
            .map_err(|e| StorageError::Backend(Box::new(e)))?;
    }
    Ok(sender)
}

/// One idle thread waits in the queue, the others for its place there.
fn next(receiver: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .blocking_recv()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::connection::open_memory;

    #[test]
    fn look_up_without_a_free_connection_is_given_back() {
        let conn = open_memory(std::time::Duration::from_secs(1)).unwrap();
        let look_ups = LookUps::new(vec![conn]);
        let nested = look_ups.run(|_| Ok(look_ups.run(|_| Ok(1)).is_err()));
        assert!(nested.ok().unwrap().unwrap(), "the only one is in use");
        let panicked = look_ups.run::<(), _>(|_| panic!("a bug"));
        assert!(matches!(panicked.ok().unwrap(), Err(StorageError::Backend(_))));
        assert_eq!(look_ups.run(|_| Ok(2)).ok().unwrap().unwrap(), 2, "it came back");
    }

    #[tokio::test]
    async fn a_panic_does_not_end_the_reader() {
        let queue = start(vec![open_memory(std::time::Duration::from_secs(1)).unwrap()]).unwrap();
        let (panics, failed) = job::<()>(|_| panic!("a bug"));
        let (reads, answered) = job(|_| Ok(7));
        for job in [panics, reads] {
            queue.send(job).await.map_err(drop).unwrap();
        }
        assert!(matches!(failed.await.unwrap(), Err(StorageError::Backend(_))));
        assert_eq!(answered.await.unwrap().unwrap(), 7);
    }
}
