//! What the writer does with jobs that fail, and with those that come meanwhile.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rusqlite::params;
use tokio::sync::oneshot;

use super::*;
use crate::sqlite::connection::{create_writer, failure, open_memory};

type Answer<T> = oneshot::Receiver<StorageResult<T>>;

fn in_memory() -> Connection {
    prepared(open_memory(Duration::from_secs(1)).unwrap())
}

fn prepared(conn: Connection) -> Connection {
    conn.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT")
        .unwrap();
    conn
}

fn insert(conn: &Connection, value: i64) -> StorageResult<usize> {
    conn.execute("INSERT INTO t VALUES (?1)", params![value])
        .map_err(failure)
}

fn rows(conn: &Connection) -> Vec<i64> {
    let mut statement = conn.prepare("SELECT a FROM t ORDER BY a").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// A job that counts how often it runs.
fn counted(
    value: i64,
    runs: &Arc<AtomicUsize>,
    then: impl Fn() -> StorageResult<()> + Send + 'static,
) -> (Job, Answer<()>) {
    let runs = Arc::clone(runs);
    job(
        move |conn, _| {
            runs.fetch_add(1, Ordering::Relaxed);
            insert(conn, value)?;
            then()
        },
        || {},
    )
}

fn refusal() -> StorageResult<()> {
    Err(StorageError::Conflict("too late".to_owned()))
}

/// Runs these as one batch.
fn run(conn: &Connection, mut batch: Vec<Job>) {
    let (_sender, mut queue) = mpsc::channel(1);
    run_batch(conn, &mut batch, &mut queue);
    assert!(batch.is_empty());
}

#[test]
fn a_job_that_fails_after_it_wrote_is_undone_alone() {
    let conn = in_memory();
    let runs = Arc::new(AtomicUsize::new(0));
    let (before, kept) = counted(1, &runs, || Ok(()));
    let (fails, failed) = counted(2, &runs, refusal);
    let (panics, panicked) = counted(3, &runs, || panic!("a bug"));
    let (after, kept_too) = counted(4, &runs, || Ok(()));
    run(&conn, vec![before, fails, panics, after]);
    kept.blocking_recv().unwrap().unwrap();
    kept_too.blocking_recv().unwrap().unwrap();
    let failed = failed.blocking_recv().unwrap();
    assert!(matches!(failed, Err(StorageError::Conflict(_))));
    let panicked = panicked.blocking_recv().unwrap();
    assert!(matches!(panicked, Err(StorageError::Backend(_))));
    assert_eq!(rows(&conn), [1, 4]);
    assert_eq!(
        runs.load(Ordering::Relaxed),
        2 + 4,
        "two until the refusal, then each by itself"
    );
}

#[test]
fn a_job_that_fails_before_it_wrote_costs_no_second_run() {
    let conn = in_memory();
    insert(&conn, 2).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let jobs = [1, 2, 3].map(|value| counted(value, &runs, || Ok(())));
    let (jobs, answers): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    run(&conn, jobs);
    let answers = answers.into_iter().map(|answer| answer.blocking_recv().unwrap());
    assert_eq!(
        answers.map(|answer| answer.is_ok()).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!((rows(&conn), runs.load(Ordering::Relaxed)), (vec![1, 2, 3], 3));
}

#[test]
fn what_is_invalidated_is_told_once_and_only_if_it_was_kept() {
    let conn = in_memory();
    let told = Arc::new(AtomicUsize::new(0));
    let job_of = |value: i64, fails: bool| {
        let told = Arc::clone(&told);
        job(
            move |conn, invalidated| {
                insert(conn, value)?;
                invalidated.set(true);
                if fails { refusal() } else { Ok(()) }
            },
            move || {
                told.fetch_add(1, Ordering::Relaxed);
            },
        )
    };
    let (kept, _answer) = job_of(1, false);
    let (undone, _failure) = job_of(2, true);
    run(&conn, vec![kept, undone]);
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn a_job_runs_though_its_caller_went_away() {
    let conn = in_memory();
    let runs = Arc::new(AtomicUsize::new(0));
    let (abandoned, _) = counted(1, &runs, || Ok(()));
    run(&conn, vec![abandoned]);
    assert_eq!((rows(&conn), runs.load(Ordering::Relaxed)), (vec![1], 1));
    // Also where each runs by itself.
    let (abandoned, _) = counted(2, &runs, || Ok(()));
    let (fails, _failure) = counted(3, &runs, refusal);
    run(&conn, vec![abandoned, fails]);
    assert_eq!((rows(&conn), runs.load(Ordering::Relaxed)), (vec![1, 2], 1 + 4));
}

/// What another connection finds committed.
fn committed(path: &Path) -> Vec<i64> {
    rows(&Connection::open(path).unwrap())
}

#[test]
fn a_job_that_comes_while_others_run_joins_their_commit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = prepared(create_writer(&path, Duration::from_secs(1)).unwrap());
    let (sender, mut queue) = mpsc::channel(2);
    let (late, found) = {
        let path = path.clone();
        job(
            move |conn, _| {
                insert(conn, 2)?;
                Ok((rows(conn), committed(&path)))
            },
            || {},
        )
    };
    let late = std::sync::Mutex::new(Some(late));
    let (first, kept) = job(
        move |conn, _| {
            let late = late.lock().unwrap().take().unwrap();
            sender.try_send(late).map_err(drop).unwrap();
            insert(conn, 1)
        },
        || {},
    );
    run_batch(&conn, &mut vec![first], &mut queue);
    assert_eq!(kept.blocking_recv().unwrap().unwrap(), 1);
    assert_eq!(found.blocking_recv().unwrap().unwrap(), (vec![1, 2], vec![]));
    assert_eq!(committed(&path), [1, 2]);
}

#[test]
fn a_batch_has_a_limit() {
    let conn = in_memory();
    let (sender, mut queue) = mpsc::channel(QUEUE);
    let runs = Arc::new(AtomicUsize::new(0));
    let answers: Vec<_> = (0..300)
        .map(|value| {
            let (job, answer) = counted(value, &runs, || Ok(()));
            sender.try_send(job).map_err(drop).unwrap();
            answer
        })
        .collect();
    let mut batch = vec![queue.try_recv().unwrap()];
    run_batch(&conn, &mut batch, &mut queue);
    assert_eq!(
        (runs.load(Ordering::Relaxed), queue.len()),
        (BATCH_MAX, 300 - BATCH_MAX)
    );
    batch.push(queue.try_recv().unwrap());
    run_batch(&conn, &mut batch, &mut queue);
    assert!(
        answers
            .into_iter()
            .all(|answer| answer.blocking_recv().unwrap().is_ok())
    );
}

#[test]
fn jobs_of_a_transaction_that_is_lost_are_told_so() {
    let conn = in_memory();
    let runs = Arc::new(AtomicUsize::new(0));
    let (before, lost) = counted(1, &runs, || Ok(()));
    // As SQLite does by itself when the disk is full.
    let (rolls_back, lost_too) = job(
        |conn, _| {
            conn.execute_batch("ROLLBACK").map_err(failure)?;
            Err::<(), _>(StorageError::Conflict("full".to_owned()))
        },
        || {},
    );
    let (after, kept) = counted(2, &runs, || Ok(()));
    run(&conn, vec![before, rolls_back, after]);
    for lost in [lost, lost_too] {
        let lost = lost.blocking_recv().unwrap();
        assert!(matches!(lost, Err(StorageError::Unavailable(_))), "never a no");
    }
    kept.blocking_recv().unwrap().unwrap();
    assert_eq!(rows(&conn), [2]);
}

#[tokio::test]
async fn a_panic_does_not_end_the_writer() {
    let queue = start(in_memory(), None).unwrap();
    let (panics, failed) = job::<()>(|_, _| panic!("a bug"), || {});
    let (writes, kept) = job(|conn, _| insert(conn, 1), || {});
    for job in [panics, writes] {
        queue.send(job).await.map_err(drop).unwrap();
    }
    assert!(matches!(failed.await.unwrap(), Err(StorageError::Backend(_))));
    assert_eq!(kept.await.unwrap().unwrap(), 1);
}
