//! `[database]`

use authly_storage::DatabaseConfig;

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const URL: Key = Key::new(
    "database.url",
    Kind::Text("`sqlite:PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST/NAME`"),
    "\"sqlite:/var/lib/authly/authly.sqlite\"",
    "The database. SQLite suits one node; any number of nodes share a PostgreSQL (15 or newer). Its connections are not encrypted yet.",
)
.secret();
const POOL_SIZE: Key = Key::integer(
    "database.pool_size",
    (1, 1_000),
    "8",
    "PostgreSQL connections of this node, or SQLite connections that read.",
);
const CONNECT_TIMEOUT: Key = Key::seconds(
    "database.connect_timeout",
    (1, 60),
    "5s",
    "How long a new connection may take.",
);
const WAIT_TIMEOUT: Key = Key::seconds(
    "database.wait_timeout",
    (1, 60),
    "2s",
    "How long a request waits for a free connection, or for a place in SQLite's write queue, before it is answered \
     with 503.",
);
const STATEMENT_TIMEOUT: Key = Key::seconds(
    "database.statement_timeout",
    (1, 300),
    "10s",
    "How long one statement may take (PostgreSQL).",
);
const LOCK_TIMEOUT: Key = Key::seconds(
    "database.lock_timeout",
    (1, 300),
    "5s",
    "How long to wait for a lock: PostgreSQL's `lock_timeout`, SQLite's busy timeout.",
);

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &URL,
    &POOL_SIZE,
    &CONNECT_TIMEOUT,
    &WAIT_TIMEOUT,
    &STATEMENT_TIMEOUT,
    &LOCK_TIMEOUT,
];

/// Checks the section; `None` when there is no usable URL.
pub(super) fn check(reader: &mut Reader<'_>) -> Option<DatabaseConfig> {
    let pool_size = reader.integer(&POOL_SIZE);
    let connect_timeout = reader.duration(&CONNECT_TIMEOUT);
    let wait_timeout = reader.duration(&WAIT_TIMEOUT);
    let statement_timeout = reader.duration(&STATEMENT_TIMEOUT);
    let lock_timeout = reader.duration(&LOCK_TIMEOUT);
    let url = reader.required_secret(&URL)?;
    if !is_known_url(url.expose()) {
        // The value may hold a password: it is not repeated.
        reader.complain_secret(&URL, format!("must be {}", URL.kind));
        return None;
    }
    Some(DatabaseConfig {
        url: url.expose().to_owned(),
        pool_size,
        connect_timeout,
        wait_timeout,
        statement_timeout,
        lock_timeout,
    })
}

fn is_known_url(url: &str) -> bool {
    let sqlite = url.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty());
    sqlite || url.starts_with("postgres://") || url.starts_with("postgresql://")
}
