//! A proxy before PostgreSQL that writes down how often a program waits for an answer, and to what.
//!
//! A round trip begins when a connection that waits for nothing sends something that will be answered, and ends when
//! everything it sent meanwhile is answered: statements that are sent together share one.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use super::{SUPERUSER, TestDatabase, lock, percent_encode_path};

/// The name that a client looks for in a directory.
const SOCKET: &str = ".s.PGSQL.5432";

/// What one wait was for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    /// Statements that were prepared: once per connection, however often they run.
    pub prepared: Vec<String>,
    /// Statements that ran.
    pub ran: Vec<String>,
}

/// In the order in which they began; the connection that waits may still add to its own.
type Seen = Arc<Mutex<Vec<Arc<Mutex<RoundTrip>>>>>;

/// The proxy. It ends with this value.
#[derive(Debug)]
pub struct RoundTrips {
    url: String,
    seen: Seen,
    accepting: JoinHandle<()>,
    _dir: TempDir,
}

impl RoundTrips {
    /// Stands before the database.
    ///
    /// # Errors
    /// When no socket can be made.
    pub fn before(database: &TestDatabase) -> anyhow::Result<Self> {
        let dir = TempDir::new().context("a directory for a socket")?;
        let listener = UnixListener::bind(dir.path().join(SOCKET)).context("a socket")?;
        let url = format!(
            "postgres://{SUPERUSER}@{}/{}",
            percent_encode_path(dir.path()),
            database.name
        );
        let seen: Seen = Arc::default();
        let server = database.server.inner.socket_dir.join(SOCKET);
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&seen)));
        Ok(Self {
            url,
            seen,
            accepting,
            _dir: dir,
        })
    }

    /// How to reach the database through it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The round trips since this was last asked.
    pub fn take(&self) -> Vec<RoundTrip> {
        let seen = std::mem::take(&mut *lock(&self.seen));
        seen.iter().map(|one| lock(one).clone()).collect()
    }
}

impl Drop for RoundTrips {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, server: PathBuf, seen: Seen) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, seen) = (server.clone(), Arc::clone(&seen));
        // Ends with either side: a connection that breaks is the program's to notice.
        tokio::spawn(async move { drop(carry(client, &server, seen).await) });
    }
}

async fn carry(client: UnixStream, server: &Path, seen: Seen) -> std::io::Result<()> {
    let server = UnixStream::connect(server).await?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let connection = Mutex::new(Connection::new(seen));
    // The first message of a client has no type.
    let asks = copy(from_client, to_server, Messages::after_untyped(), |kind, body| {
        lock(&connection).asked(kind, body);
    });
    let answers = copy(from_server, to_client, Messages::typed(), |kind, _| {
        lock(&connection).answered(kind);
    });
    tokio::select! {
        ended = asks => ended,
        ended = answers => ended,
    }
}

/// Passes bytes on, having shown each whole message to `look`.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut messages: Messages,
    mut look: impl FnMut(u8, &[u8]),
) -> std::io::Result<()> {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        messages.feed(&chunk[..length], &mut look);
        to.write_all(&chunk[..length]).await?;
    }
}

/// One direction of a connection, cut into messages.
struct Messages {
    buffer: Vec<u8>,
    untyped: bool,
}

impl Messages {
    fn typed() -> Self {
        Self {
            buffer: Vec::new(),
            untyped: false,
        }
    }

    fn after_untyped() -> Self {
        Self {
            buffer: Vec::new(),
            untyped: true,
        }
    }

    fn feed(&mut self, bytes: &[u8], look: &mut impl FnMut(u8, &[u8])) {
        self.buffer.extend_from_slice(bytes);
        loop {
            let head = usize::from(!self.untyped);
            let Some(length) = self.buffer.get(head..head + 4) else {
                return;
            };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
            if self.buffer.len() < head + length {
                return;
            }
            let message: Vec<u8> = self.buffer.drain(..head + length).collect();
            if self.untyped {
                self.untyped = false;
            } else {
                look(message[0], &message[5..]);
            }
        }
    }
}

/// What a connection is waiting for.
struct Connection {
    seen: Seen,
    /// Statements by the name under which they were prepared.
    statements: HashMap<String, String>,
    /// What was sent since the last message that asks for an answer.
    next: RoundTrip,
    /// Answers that are due, and the round trip that they end.
    due: usize,
    current: Arc<Mutex<RoundTrip>>,
}

impl Connection {
    fn new(seen: Seen) -> Self {
        Self {
            seen,
            statements: HashMap::new(),
            next: RoundTrip::default(),
            due: 0,
            current: Arc::default(),
        }
    }

    fn asked(&mut self, kind: u8, body: &[u8]) {
        let mut texts = body
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned());
        match kind {
            // Parse: the statement's name, its text.
            b'P' => {
                let (name, sql) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                self.next.prepared.push(sql.clone());
                self.statements.insert(name, sql);
            }
            // Bind: the portal's name, the statement's.
            b'B' => {
                let name = texts.nth(1).unwrap_or_default();
                self.next
                    .ran
                    .push(self.statements.get(&name).cloned().unwrap_or(name));
            }
            b'Q' => {
                self.next.ran.push(texts.next().unwrap_or_default());
                self.sent();
            }
            b'S' => self.sent(),
            _ => {}
        }
    }

    /// The connection asked for an answer to all that it has sent.
    fn sent(&mut self) {
        let next = std::mem::take(&mut self.next);
        if self.due == 0 {
            self.current = Arc::default();
            lock(&self.seen).push(Arc::clone(&self.current));
        }
        let mut current = lock(&self.current);
        current.prepared.extend(next.prepared);
        current.ran.extend(next.ran);
        drop(current);
        self.due += 1;
    }

    fn answered(&mut self, kind: u8) {
        // ReadyForQuery. The first one ends the greeting, which nobody counts.
        if kind == b'Z' {
            self.due = self.due.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::NoTls;

    use super::*;
    use crate::postgres::PostgresServer;

    #[tokio::test]
    async fn statements_that_are_sent_together_share_a_round_trip() {
        let server = PostgresServer::shared().await.unwrap();
        let database = server.create_database().await.unwrap();
        let round_trips = RoundTrips::before(&database).unwrap();
        let (client, connection) = tokio_postgres::connect(round_trips.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        assert_eq!(round_trips.take(), [], "a greeting is none");
        let statement = client.prepare("SELECT 1").await.unwrap();
        let ran = |times: usize| vec!["SELECT 1".to_owned(); times];
        let prepared = RoundTrip {
            prepared: ran(1),
            ran: Vec::new(),
        };
        assert_eq!(round_trips.take(), [prepared]);
        client.query(&statement, &[]).await.unwrap();
        client.query(&statement, &[]).await.unwrap();
        let each = || RoundTrip {
            prepared: Vec::new(),
            ran: ran(1),
        };
        assert_eq!(round_trips.take(), [each(), each()]);
        client.batch_execute("SELECT 2; SELECT 3").await.unwrap();
        assert_eq!(round_trips.take().len(), 1, "as one text");
    }
}
