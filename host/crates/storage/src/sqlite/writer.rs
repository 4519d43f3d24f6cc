//! The one writer: a thread that owns the writing connection, takes what is queued, and commits it together.
//!
//! Each job runs in a savepoint of its own inside one `BEGIN IMMEDIATE … COMMIT`; its caller is answered only after
//! the commit, which `synchronous=FULL` makes durable. So a hundred callers share one disk flush, and a process that
//! is killed at any moment loses nothing it has answered. Another process (the command line) may write between two
//! batches: `BEGIN IMMEDIATE` waits for it.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::connection::failure;

/// Jobs that wait for the writer; beyond them callers wait for a place.
const QUEUE: usize = 1024;

/// Jobs that share one commit.
const BATCH_MAX: usize = 256;

/// What a job has done, to be answered once it is known whether it was committed.
pub(super) struct Ran {
    keep: bool,
    answer: Answer,
}

/// A queued job, run on the connection or told why it cannot be. `None` when there is nobody left to answer: the
/// caller no longer waits and nothing was done, or has been told.
pub(super) type Job = Box<dyn FnOnce(StorageResult<&Connection>) -> Option<Ran> + Send>;

/// Makes a job of `work`. `committed` is called after the commit when the work set its flag.
pub(super) fn job<T: Send + 'static>(
    work: impl FnOnce(&Connection, &Cell<bool>) -> StorageResult<T> + Send + 'static,
    committed: impl FnOnce() + Send + 'static,
) -> (Job, oneshot::Receiver<StorageResult<T>>) {
    let (sender, receiver) = oneshot::channel();
    let job = Box::new(move |conn: StorageResult<&Connection>| {
        if sender.is_closed() {
            return None;
        }
        let conn = match conn {
            Ok(conn) => conn,
            Err(error) => {
                let _ = sender.send(Err(error));
                return None;
            }
        };
        let invalidated = Cell::new(false);
        let result = guarded(|| work(conn, &invalidated));
        let (keep, wake) = (result.is_ok(), invalidated.get());
        let answer = Box::new(move |commit: StorageResult<()>| {
            if wake && commit.is_ok() {
                committed();
            }
            // A caller that went away meanwhile needs no answer.
            let _ = sender.send(commit.and(result));
        });
        Some(Ran { keep, answer })
    });
    (job, receiver)
}

/// Runs `work`; a panic in it fails this job alone, and what it wrote is rolled back like that of any job that fails.
/// What it may have left half changed is its own: statements are reset as they are dropped.
pub(super) fn guarded<T>(work: impl FnOnce() -> StorageResult<T>) -> StorageResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StorageError::Backend(Box::new(Panicked))))
}

#[derive(Debug, thiserror::Error)]
#[error("a database job panicked")]
struct Panicked;

/// Starts the writer's thread. It ends when every sender is gone and the queue is empty.
pub(super) fn start(conn: Connection) -> StorageResult<mpsc::Sender<Job>> {
    let (sender, mut receiver) = mpsc::channel::<Job>(QUEUE);
    std::thread::Builder::new()
        .name("authly-sqlite-writer".to_owned())
        .spawn(move || {
            let mut batch = Vec::new();
            while receiver.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
                run_batch(&conn, std::mem::take(&mut batch));
            }
        })
        .map_err(|e| StorageError::Backend(Box::new(e)))?;
    Ok(sender)
}

/// Runs jobs in one transaction and answers them. SQLite may roll the whole transaction back by itself (disk full,
/// an I/O error): then nothing of the batch so far was kept, and the rest starts a new one.
fn run_batch(conn: &Connection, jobs: Vec<Job>) {
    let mut jobs = jobs.into_iter();
    while jobs.len() > 0 {
        let mut answers = Vec::with_capacity(jobs.len());
        let outcome = transaction(conn, &mut jobs, &mut answers);
        if outcome.is_err() && !conn.is_autocommit() {
            // Leaves the connection usable; an error here will meet the next batch's BEGIN.
            let _ = conn.execute_batch("ROLLBACK");
        }
        let lost = outcome.err().map(|error| error.to_string());
        for answer in answers {
            answer(match &lost {
                None => Ok(()),
                Some(reason) => Err(StorageError::Unavailable(Box::new(Lost(reason.clone())))),
            });
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the transaction was not committed: {0}")]
struct Lost(String);

type Answer = Box<dyn FnOnce(StorageResult<()>) + Send>;

fn transaction(
    conn: &Connection,
    jobs: &mut std::vec::IntoIter<Job>,
    answers: &mut Vec<Answer>,
) -> StorageResult<()> {
    if let Err(error) = control(conn, "BEGIN IMMEDIATE") {
        for job in jobs.by_ref() {
            job(Err(StorageError::Unavailable(Box::new(Lost(error.to_string())))));
        }
        return Err(failure(error));
    }
    for job in jobs.by_ref() {
        savepoint(conn, job, answers)?;
    }
    control(conn, "COMMIT").map_err(failure)
}

fn savepoint(conn: &Connection, job: Job, answers: &mut Vec<Answer>) -> StorageResult<()> {
    control(conn, "SAVEPOINT job").map_err(failure)?;
    let ran = job(Ok(conn));
    let keep = ran.as_ref().is_some_and(|r| r.keep);
    answers.extend(ran.map(|r| r.answer));
    if conn.is_autocommit() {
        return Err(StorageError::Unavailable(Box::new(Lost(
            "rolled back".to_owned(),
        ))));
    }
    if !keep {
        control(conn, "ROLLBACK TO job").map_err(failure)?;
    }
    control(conn, "RELEASE job").map_err(failure)
}

/// Runs a statement of transaction control, which stays prepared like any other.
fn control(conn: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::connection::open_memory;

    #[tokio::test]
    async fn a_panic_fails_its_own_job_and_no_other() {
        let conn = open_memory(std::time::Duration::from_secs(1)).unwrap();
        conn.execute_batch("CREATE TABLE t (a INTEGER) STRICT").unwrap();
        let queue = start(conn).unwrap();
        let insert = |conn: &Connection| conn.execute("INSERT INTO t VALUES (1)", []).map_err(failure);
        let (before, kept) = job(move |conn, _| insert(conn), || {});
        let (panics, failed) = job::<()>(
            move |conn, _| {
                insert(conn)?;
                panic!("a bug")
            },
            || {},
        );
        let count = |conn: &Connection| {
            conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                .map_err(failure)
        };
        let (after, counted) = job(move |conn, _| count(conn), || {});
        for job in [before, panics, after] {
            queue.send(job).await.map_err(drop).unwrap();
        }
        assert_eq!(kept.await.unwrap().unwrap(), 1);
        assert!(matches!(failed.await.unwrap(), Err(StorageError::Backend(_))));
        assert_eq!(
            counted.await.unwrap().unwrap(),
            1,
            "what it wrote is gone, the rest is not"
        );
    }
}
