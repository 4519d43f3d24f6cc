//! Reader threads: each owns a read-only connection, all take from one queue, and none waits for the writer (WAL).

use std::sync::{Arc, Mutex, PoisonError};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::writer::guarded;

/// Reads that wait for a thread; beyond them callers wait for a place.
const QUEUE: usize = 1024;

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
