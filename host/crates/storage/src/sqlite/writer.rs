//! The one writer: a thread that owns the writing connection, takes what is queued, and commits it together.
//!
//! The jobs of a batch run one after another inside one `BEGIN IMMEDIATE … COMMIT`, and what is queued meanwhile joins
//! them; their callers are answered only after the commit, which `synchronous=FULL` makes durable. So a hundred callers
//! share one disk flush, and a process that is killed at any moment loses nothing it has answered. Another process (the
//! command line) may write between two batches: `BEGIN IMMEDIATE` waits for it.
//!
//! A job that was queued runs, whether or not its caller still waits: a token that was spent already ends its family,
//! however soon whoever presented it hangs up.
//!
//! A job that fails before it has changed a row leaves nothing to undo. One that fails later makes the whole batch be
//! rolled back and run again, now each job in a savepoint of its own, so that an error of one does not undo another.
//! That hardly ever happens, and a savepoint for every job would keep a copy of every page that it changes.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Checkpoints;

/// Jobs that wait for the writer; beyond them callers wait for a place.
const QUEUE: usize = 1024;

/// Jobs that share one commit.
const BATCH_MAX: usize = 256;

/// A queued job. It may run twice: then what its first run wrote was rolled back.
pub(super) trait Task: Send {
    /// Runs it; answers whether it succeeded.
    fn run(&mut self, conn: &Connection) -> bool;
    /// Tells the caller what came of it, once it is known whether the transaction was committed.
    fn answer(self: Box<Self>, commit: Result<(), Lost>);
}

/// A [`Task`] of whatever kind.
pub(super) type Job = Box<dyn Task>;

struct Queued<T, W, C> {
    work: W,
    committed: C,
    invalidated: Cell<bool>,
    /// `None` until it ran.
    result: Option<StorageResult<T>>,
    sender: oneshot::Sender<StorageResult<T>>,
}

impl<T, W, C> Task for Queued<T, W, C>
where
    T: Send,
    W: Fn(&Connection, &Cell<bool>) -> StorageResult<T> + Send,
    C: FnOnce() + Send,
{
    fn run(&mut self, conn: &Connection) -> bool {
        self.invalidated.set(false);
        let result = guarded(|| (self.work)(conn, &self.invalidated));
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>, commit: Result<(), Lost>) {
        let answer = match (commit, self.result) {
            (Err(lost), _) => Err(StorageError::Unavailable(Box::new(lost))),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StorageError::Backend(Box::new(Unrun))),
        };
        if answer.is_ok() && self.invalidated.get() {
            (self.committed)();
        }
        // A caller that went away meanwhile needs no answer.
        let _ = self.sender.send(answer);
    }
}

/// Makes a job of `work`. `committed` is called after the commit when the work set its flag.
pub(super) fn job<T: Send + 'static>(
    work: impl Fn(&Connection, &Cell<bool>) -> StorageResult<T> + Send + 'static,
    committed: impl FnOnce() + Send + 'static,
) -> (Job, oneshot::Receiver<StorageResult<T>>) {
    let (sender, receiver) = oneshot::channel();
    let queued = Queued {
        work,
        committed,
        invalidated: Cell::new(false),
        result: None,
        sender,
    };
    (Box::new(queued), receiver)
}

/// Runs `work`; a panic in it fails this job alone, and what it wrote is rolled back like that of any job that fails.
/// What it may have left half changed is its own: statements are reset as they are dropped.
pub(super) fn guarded<T>(work: impl FnOnce() -> StorageResult<T>) -> StorageResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StorageError::Backend(Box::new(Panicked))))
}

#[derive(Debug, thiserror::Error)]
#[error("a database job panicked")]
struct Panicked;

#[derive(Debug, thiserror::Error)]
#[error("a database job did not run")]
struct Unrun;

/// Starts the writer's thread. It ends when every sender is gone and the queue is empty. `checkpoints` are `None` in
/// memory, where there is no log.
pub(super) fn start(conn: Connection, checkpoints: Option<Checkpoints>) -> StorageResult<mpsc::Sender<Job>> {
    let (sender, mut queue) = mpsc::channel::<Job>(QUEUE);
    std::thread::Builder::new()
        .name("authly-sqlite-writer".to_owned())
        .spawn(move || {
            let mut batch = Vec::new();
            while queue.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
                run_batch(&conn, &mut batch, &mut queue);
                if let Some(checkpoints) = &checkpoints {
                    checkpoints.after_commits(&conn);
                }
            }
        })
        .map_err(|e| StorageError::Backend(Box::new(e)))?;
    Ok(sender)
}

/// Runs jobs, and what is queued meanwhile, and answers them all.
fn run_batch(conn: &Connection, batch: &mut Vec<Job>, queue: &mut mpsc::Receiver<Job>) {
    let outcome = together(conn, batch, queue);
    if matches!(outcome, Ok(Together::Refused)) {
        roll_back(conn);
        one_by_one(conn, std::mem::take(batch).into_iter());
    } else {
        answer(conn, &outcome.map(drop), batch.drain(..));
    }
}

/// What came of jobs without savepoints.
enum Together {
    Committed,
    /// One of them must be undone and the others not, or SQLite has rolled everything back by itself (disk full, an I/O
    /// error). Nothing was kept.
    Refused,
}

fn together(
    conn: &Connection,
    batch: &mut Vec<Job>,
    queue: &mut mpsc::Receiver<Job>,
) -> Result<Together, Lost> {
    control(conn, "BEGIN IMMEDIATE")?;
    let mut ran = 0;
    while let Some(job) = batch.get_mut(ran) {
        let changes = conn.total_changes();
        let keep = job.run(conn);
        if conn.is_autocommit() || (!keep && conn.total_changes() != changes) {
            return Ok(Together::Refused);
        }
        ran += 1;
        if ran == batch.len() && ran < BATCH_MAX {
            // Who came while the others ran need not wait for another flush.
            batch.extend(queue.try_recv());
        }
    }
    control(conn, "COMMIT")?;
    Ok(Together::Committed)
}

/// Runs jobs in one transaction, each in a savepoint, and answers them. When SQLite rolls the whole transaction back by
/// itself, nothing of the jobs so far was kept, and the rest starts a new one.
fn one_by_one(conn: &Connection, mut jobs: std::vec::IntoIter<Job>) {
    while jobs.len() > 0 {
        let mut ran = Vec::with_capacity(jobs.len());
        let outcome = in_savepoints(conn, &mut jobs, &mut ran);
        answer(conn, &outcome, ran.into_iter());
    }
}

fn in_savepoints(
    conn: &Connection,
    jobs: &mut std::vec::IntoIter<Job>,
    ran: &mut Vec<Job>,
) -> Result<(), Lost> {
    if let Err(lost) = control(conn, "BEGIN IMMEDIATE") {
        ran.extend(jobs);
        return Err(lost);
    }
    for mut job in jobs {
        let kept = savepoint(conn, &mut job);
        ran.push(job);
        kept?;
    }
    control(conn, "COMMIT")
}

fn savepoint(conn: &Connection, job: &mut Job) -> Result<(), Lost> {
    control(conn, "SAVEPOINT job")?;
    let keep = job.run(conn);
    if conn.is_autocommit() {
        return Err(Lost("rolled back".to_owned()));
    }
    if !keep {
        control(conn, "ROLLBACK TO job")?;
    }
    control(conn, "RELEASE job")
}

/// Answers jobs, whose transaction was committed or lost.
fn answer(conn: &Connection, outcome: &Result<(), Lost>, jobs: impl Iterator<Item = Job>) {
    if outcome.is_err() {
        roll_back(conn);
    }
    for job in jobs {
        job.answer(outcome.clone());
    }
}

/// Leaves the connection usable.
fn roll_back(conn: &Connection) {
    if !conn.is_autocommit() {
        // An error here will meet the next batch's BEGIN.
        let _ = control(conn, "ROLLBACK");
    }
}

/// Why nothing of a transaction was kept.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the transaction was not committed: {0}")]
pub(super) struct Lost(String);

/// Runs a statement of transaction control, which stays prepared like any other.
fn control(conn: &Connection, sql: &'static str) -> Result<(), Lost> {
    let run = || conn.prepare_cached(sql)?.execute([]).map(drop);
    run().map_err(|error: rusqlite::Error| Lost(error.to_string()))
}

#[cfg(test)]
mod tests;
