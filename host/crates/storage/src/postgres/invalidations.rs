//! The invalidation sequence.
//!
//! PostgreSQL gives out sequence numbers when a row is written and shows it when its transaction commits, so a lower
//! number may appear after a higher one, and a poll that remembers the highest number would miss it. Instead each row
//! carries its transaction's id, and a poll takes every visible row from its cursor on, and as its next cursor the
//! `xmin` of its snapshot: the lowest id that was still undecided. A row that this poll could not see belongs to a
//! transaction that was undecided, whose id is therefore at least `xmin`, or that had not begun, whose id is greater:
//! the next poll takes it. Rows between `xmin` and the newest are seen again; applying them is idempotent. Transaction
//! ids are the server's: a long writing transaction in any database of it holds the cursor back, never a reading one.
//! Meanwhile every poll answers the same rows, and the [cache](crate::cache) passes each on once.

use std::{sync::Arc, time::Duration};

use authly_core::ports::{InvalidationBatch, InvalidationCursor, StorageResult};
use futures_util::{StreamExt as _, stream};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_postgres::{AsyncMessage, Config, NoTls};

use super::{columns::PgColumns, effects::channel, pool::Database, statements::statements};
use crate::{
    codec::corrupt,
    rows::{self, Columns as _, invalidation_columns},
};

statements! {
    START = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    /// One statement has one snapshot: the cursor belongs to the rows. The outer join answers it without rows too.
    POLL = concat!(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, i.seq, ", invalidation_columns!(), " \
         FROM (VALUES (1)) AS one LEFT JOIN invalidations i ON i.xid >= $1::bigint::text::xid8 ORDER BY i.seq"
    );
    PING = "SELECT 1";
}

/// Listens; not a statement that can be prepared.
const LISTEN: &str = concat!("LISTEN ", channel!());

/// The first wait before a lost listener connects again; doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(super) async fn start(db: &Database) -> StorageResult<InvalidationCursor> {
    let cursor = db.find(START, &[], |row| row.int()).await?;
    cursor
        .map(InvalidationCursor)
        .ok_or_else(|| corrupt("no snapshot"))
}

pub(super) async fn poll(db: &Database, cursor: InvalidationCursor) -> StorageResult<InvalidationBatch> {
    let found = db.read(POLL, &[&cursor.0]).await?;
    let mut batch = InvalidationBatch {
        items: Vec::new(),
        cursor,
    };
    for row in &found {
        let mut columns = PgColumns::new(row);
        batch.cursor = InvalidationCursor(columns.int()?);
        if let Some(seq) = columns.int_opt()? {
            batch.items.extend(rows::invalidation(seq, &mut columns)?);
        }
    }
    Ok(batch)
}

pub(super) async fn ping(db: &Database) -> StorageResult<()> {
    db.read(PING, &[]).await.map(drop)
}

/// The connection that hears `NOTIFY`. It only wakes the poll: while it is lost, a change is seen at the next poll.
#[derive(Debug)]
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn spawn(config: Config, hint: Arc<Notify>) -> Self {
        Self(tokio::spawn(async move {
            let mut backoff = BACKOFF_MIN;
            loop {
                if let Err(error) = listen(&config, &hint, &mut backoff).await {
                    tracing::info!(
                        error = %error,
                        retry_ms = backoff.as_millis(),
                        "the connection that listens for invalidations is lost"
                    );
                }
                tokio::time::sleep(backoff).await;
                backoff = backoff.saturating_mul(2).min(BACKOFF_MAX);
            }
        }))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens until the connection ends.
async fn listen(config: &Config, hint: &Notify, backoff: &mut Duration) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(NoTls).await?;
    let messages = stream::poll_fn(move |context| connection.poll_message(context));
    // An error is the end: a connection that failed is not polled again.
    let hear = messages
        .take_while(|message| std::future::ready(message.is_ok()))
        .for_each(|message| {
            if matches!(message, Ok(AsyncMessage::Notification(_))) {
                hint.notify_one();
            }
            std::future::ready(())
        });
    let ask = async {
        let asked = client.batch_execute(LISTEN).await;
        if asked.is_ok() {
            *backoff = BACKOFF_MIN;
            // Whatever was announced while nobody listened.
            hint.notify_one();
            std::future::pending::<()>().await;
        }
        asked
    };
    tokio::select! {
        () = hear => Ok(()),
        asked = ask => asked,
    }
}
