//! The invalidation sequence. One writer at a time means that rows commit in the order of their numbers.

use async_trait::async_trait;
use authly_core::ports::{InvalidationBatch, InvalidationCursor, InvalidationLog, StorageResult};
use rusqlite::params;

use super::{
    SqliteStorage,
    access::{find, list, statements},
};
use crate::rows::{self, Columns as _, invalidation_columns};

statements! {
    // The sequence's own memory: a purge may have emptied the table.
    START = "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'invalidations'), 0)";
    POLL = "SELECT seq, ", invalidation_columns!(), " FROM invalidations WHERE seq > ?1 ORDER BY seq";
    PING = "SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 1";
}

#[async_trait]
impl InvalidationLog for SqliteStorage {
    async fn invalidation_start(&self) -> StorageResult<InvalidationCursor> {
        self.database
            .look_up(|conn| {
                let last = find(conn, START, [], |row| row.int())?;
                Ok(InvalidationCursor(last.unwrap_or(0)))
            })
            .await
    }

    async fn poll_invalidations(&self, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
        self.database
            .look_up(move |conn| {
                let found = list(conn, POLL, params![cursor.0], |row| {
                    let seq = row.int()?;
                    Ok((seq, rows::invalidation(seq, row)?))
                })?;
                let cursor = found.last().map_or(cursor, |(seq, _)| InvalidationCursor(*seq));
                let items = found.into_iter().filter_map(|(_, item)| item).collect();
                Ok(InvalidationBatch { items, cursor })
            })
            .await
    }

    async fn invalidation_hint(&self) {
        self.database.hint.notified().await;
    }

    /// A node that can read but not write serves nobody: the writer commits, though nothing, so that no flush is made.
    async fn ping(&self) -> StorageResult<()> {
        self.database.write(|_, _| Ok(())).await?;
        self.database
            .look_up(|conn| find(conn, PING, [], |row| row.int()).map(|_| ()))
            .await
    }
}
