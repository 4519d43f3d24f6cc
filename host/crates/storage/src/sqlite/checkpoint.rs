//! Copying the write-ahead log into the database, on a thread of its own.
//!
//! A copy writes thousands of pages and flushes the disk for them. On the writer's connection all its callers would wait
//! for that; beside it they go on committing. The log begins anew once everything in it was copied and nobody reads it,
//! and as long as the writer appends, the thread never has everything: what came during its last copy, which is little,
//! the writer copies itself, between two commits. When the thread cannot keep up, SQLite has the writer copy at
//! [`LOG_PAGES_MAX`], which slows down whoever writes.
//!
//! SQLite flushes the database only after a copy that had everything, so only after the writer's, and that would wait
//! for all that the thread has written. So the thread flushes the database itself ([`DatabaseFile`]).

use std::{
    fs::File,
    mem::ManuallyDrop,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use authly_core::{StorageError, ports::StorageResult};
use rusqlite::Connection;

/// Pages of the log after which it is copied: 16 MB. Rows by hash lie everywhere, so that a hundred rotations fill 4 MB;
/// a page that changed ten times meanwhile is copied once.
const COPIED_FROM: i64 = 4_000;

/// What the writer copies and flushes itself: 2 MB.
const REST_MAX: i64 = 500;

/// Pages of the log at which a commit copies it, whoever else should have: 64 MB.
pub(super) const LOG_PAGES_MAX: i64 = 16_000;

/// How far the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log {
    /// Pages in it; -1 where there is none, as in memory.
    pages: i64,
    /// How many of them were copied.
    copied: i64,
}

/// Who is to copy now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Nobody,
    Thread,
    Writer,
}

impl Log {
    fn turn(self) -> Turn {
        if self.pages < COPIED_FROM {
            Turn::Nobody
        } else if self.pages - self.copied <= REST_MAX {
            Turn::Writer
        } else {
            Turn::Thread
        }
    }
}

/// Reads how far the log is; with `PASSIVE` copies as much of it as readers allow, waiting for nobody.
fn checkpoint(conn: &Connection, sql: &'static str) -> rusqlite::Result<Log> {
    conn.prepare_cached(sql)?.query_row([], |row| {
        Ok(Log {
            pages: row.get(1)?,
            copied: row.get(2)?,
        })
    })
}

const LOOK: &str = "PRAGMA wal_checkpoint(NOOP)";
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The database beside SQLite's own descriptors of it, to flush what was written through them.
///
/// It is never closed: whoever closes any descriptor of a file gives up all locks that the process has on it (POSIX), and
/// SQLite's connections rely on theirs.
pub(super) struct DatabaseFile(ManuallyDrop<File>);

impl DatabaseFile {
    pub(super) fn open(path: &Path) -> StorageResult<Self> {
        let file = File::open(path).map_err(|e| StorageError::Unavailable(Box::new(e)))?;
        Ok(Self(ManuallyDrop::new(file)))
    }

    /// Flushes it. What fails here SQLite is told too, at its own next flush, before the log begins anew.
    fn flush(&self) {
        drop(self.0.sync_data());
    }
}

/// What the writer asks after each batch.
pub(super) struct Checkpoints {
    wake: SyncSender<()>,
    copying: Arc<AtomicBool>,
}

impl Checkpoints {
    /// Starts the thread with a connection of its own. It ends with the writer.
    pub(super) fn start(conn: Connection, file: DatabaseFile) -> StorageResult<Self> {
        let (checkpoints, woken) = Self::new();
        let copying = Arc::clone(&checkpoints.copying);
        std::thread::Builder::new()
            .name("authly-sqlite-checkpoint".to_owned())
            .spawn(move || serve(&conn, &file, &woken, &copying))
            .map_err(|e| StorageError::Backend(Box::new(e)))?;
        Ok(checkpoints)
    }

    fn new() -> (Self, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        let copying = Arc::default();
        (Self { wake, copying }, woken)
    }

    /// Has the log copied if it is time.
    pub(super) fn after_commits(&self, writer: &Connection) {
        // As long as the thread flushes, the writer's own flush would wait for the same pages.
        if self.copying.load(Ordering::Acquire) {
            return;
        }
        // Whatever fails here fails again where it is told to somebody: at a commit that finds no room.
        match checkpoint(writer, LOOK).map(Log::turn) {
            Ok(Turn::Writer) => drop(checkpoint(writer, COPY)),
            Ok(Turn::Thread) => {
                self.copying.store(true, Ordering::Release);
                let _ = self.wake.try_send(());
            }
            Ok(Turn::Nobody) | Err(_) => {}
        }
    }
}

fn serve(conn: &Connection, file: &DatabaseFile, woken: &Receiver<()>, copying: &AtomicBool) {
    while let Ok(()) = woken.recv() {
        drop(checkpoint(conn, COPY));
        file.flush();
        copying.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sqlite::connection::{create_writer, open_memory, open_writer};

    const BUSY: Duration = Duration::from_secs(1);

    #[test]
    fn little_is_left_alone_much_is_for_the_thread_and_the_rest_for_the_writer() {
        let turn = |pages, copied| Log { pages, copied }.turn();
        assert_eq!(turn(-1, -1), Turn::Nobody);
        assert_eq!(turn(COPIED_FROM - 1, 0), Turn::Nobody);
        assert_eq!(turn(COPIED_FROM, 0), Turn::Thread);
        assert_eq!(turn(COPIED_FROM, COPIED_FROM - REST_MAX - 1), Turn::Thread);
        assert_eq!(turn(COPIED_FROM, COPIED_FROM - REST_MAX), Turn::Writer);
        assert_eq!(turn(LOG_PAGES_MAX, LOG_PAGES_MAX), Turn::Writer);
    }

    #[test]
    fn memory_has_no_log() {
        let log = checkpoint(&open_memory(BUSY).unwrap(), LOOK).unwrap();
        assert_eq!(log.turn(), Turn::Nobody);
    }

    /// Writes this many pages to the log.
    fn fill(conn: &Connection, pages: i64) {
        conn.execute("INSERT INTO t (a) VALUES (zeroblob(?1))", [pages * 4096])
            .unwrap();
    }

    #[test]
    fn the_thread_copies_much_and_the_writer_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let writer = create_writer(&path, BUSY).unwrap();
        let thread = open_writer(&path, BUSY).unwrap();
        writer
            .execute_batch("CREATE TABLE t (a BLOB NOT NULL) STRICT")
            .unwrap();
        let look = || checkpoint(&writer, LOOK).unwrap();
        let file = DatabaseFile::open(&path).unwrap();
        let (checkpoints, woken) = Checkpoints::new();
        checkpoints.after_commits(&writer);
        assert!(woken.try_recv().is_err(), "there is little");
        fill(&writer, COPIED_FROM);
        assert_eq!((look().turn(), look().copied), (Turn::Thread, 0));
        // Twice: who is at it already need not be told again.
        checkpoints.after_commits(&writer);
        checkpoints.after_commits(&writer);
        assert_eq!(look().copied, 0, "the writer does not do it");
        woken.try_recv().unwrap();
        assert!(woken.try_recv().is_err(), "told once");
        checkpoint(&thread, COPY).unwrap();
        checkpoints.after_commits(&writer);
        assert!(woken.try_recv().is_err(), "the thread still flushes");
        checkpoints.copying.store(false, Ordering::Release);
        fill(&writer, 2 * REST_MAX);
        // The thread had everything, so that the log began anew.
        assert!(look().pages < COPIED_FROM);

        fill(&writer, COPIED_FROM);
        let reader = open_writer(&path, BUSY).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        checkpoints.after_commits(&writer);
        let Checkpoints { wake, copying } = checkpoints;
        drop(wake);
        serve(&thread, &file, &woken, &copying);
        assert!(!copying.load(Ordering::Acquire), "done");
        assert_eq!(look().copied, look().pages);
        // It cannot begin anew while somebody reads it.
        fill(&writer, 1);
        assert_eq!(look().turn(), Turn::Writer);
        reader.execute_batch("COMMIT").unwrap();
        Checkpoints::new().0.after_commits(&writer);
        assert_eq!(look().copied, look().pages);
        fill(&writer, 1);
        assert!(look().pages < COPIED_FROM, "a new log");
    }

    #[test]
    fn a_commit_copies_a_log_that_nobody_else_did() {
        let dir = tempfile::tempdir().unwrap();
        let writer = create_writer(&dir.path().join("a.db"), BUSY).unwrap();
        writer
            .execute_batch("CREATE TABLE t (a BLOB NOT NULL) STRICT")
            .unwrap();
        fill(&writer, LOG_PAGES_MAX - 100);
        assert_eq!(checkpoint(&writer, LOOK).unwrap().copied, 0);
        fill(&writer, 100);
        let log = checkpoint(&writer, LOOK).unwrap();
        assert_eq!(log.copied, log.pages);
    }
}
