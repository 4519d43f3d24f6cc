//! Every statement that runs in a request or a job finds its rows by an index, whatever the table holds.
//!
//! SQLite plans by the figures that a migration gave it and never looks at the data: an empty database says how a full
//! one would be read.

use std::time::Duration;

use rusqlite::Connection;

use super::{connection, every, migrate};
use crate::plans::{Exempt, Indexed, indexed_of, is_selective, is_small};

const INDEXED: Indexed = &[
    (
        "clients",
        &[
            "LOAD",
            "LIST",
            "CREATE",
            "SET_ENABLED",
            "UPDATE",
            "EXISTS",
            "DELETE",
            "REVOKE_GRANTS",
        ],
    ),
    ("codes", &["LOAD", "INSERT", "SPEND", "FACTS"]),
    ("consents", &["LOAD", "LIST", "FORGET", "REVOKE", "REMEMBER"]),
    (
        "effects",
        &["INSERT_AUDIT", "INSERT_OUTBOX", "INSERT_INVALIDATION"],
    ),
    ("grants", &["LOAD", "INSERT", "REVOKE_ALL", "REVOKE"]),
    (
        "interactions",
        &["CREATE", "LOAD", "ADVANCE", "ADMITTED", "FINISHED"],
    ),
    ("invalidations", &["START", "POLL", "PING"]),
    (
        "keys",
        &[
            "LOAD",
            "INSERT",
            "ALG_OF_PENDING",
            "RETIRE",
            "ACTIVATE",
            "REMOVE",
            "REMOVE_ALL",
            "HAS_ACTIVE",
        ],
    ),
    (
        "plugins",
        &[
            "LIST",
            "LOAD",
            "LOAD_COMPONENT",
            "HISTORY",
            "INSERT",
            "REPLACE",
            "STORE_COMPONENT",
            "FORGET_COMPONENT",
            "REMEMBER",
            "SET_ENABLED",
        ],
    ),
    (
        "purge",
        &[
            "CODES",
            "INTERACTIONS",
            "SESSIONS",
            "SESSIONS_ENDED",
            "REFRESH_TOKENS",
            "REFRESH_TOKENS_SPENT",
            "GRANTS",
            "ACCESS_TOKENS",
            "REVOKED_JWTS",
            "USED_ONCE",
            "THROTTLE",
            "OUTBOX",
            "INVALIDATIONS",
            "AGE_INVALIDATIONS",
            "NONCES",
        ],
    ),
    (
        "refresh",
        &["LOAD", "INSERT", "ROTATE", "USABLE", "ERASE_NONCE", "FACTS"],
    ),
    ("replay", &["CLAIM"]),
    ("scopes", &["LIST", "CREATE", "UPDATE", "DELETE", "SEED"]),
    (
        "sessions",
        &[
            "LOAD",
            "FIND",
            "START",
            "END_REPLACED",
            "NOTE_LOGIN",
            "LIST_OF_USER",
            "TOUCH",
            "END_ALL",
            "END",
        ],
    ),
    ("throttle", &["LOAD", "COUNT", "RELEASE", "RELEASE_LAST", "CLEAR"]),
    (
        "tokens",
        &["LOAD", "INSERT", "REVOKE", "REVOKE_JWT", "IS_REVOKED"],
    ),
    (
        "users",
        &[
            "LOAD",
            "LOAD_LOGIN",
            "LIST",
            "CREATE",
            "LOAD_CREDENTIALS",
            "UPDATE",
            "EXISTS",
            "SET_PASSWORD",
            "LIVING_GRANTS",
            "DELETE",
            "SET_ENABLED",
        ],
    ),
];

const EXEMPT: Exempt = &[
    (
        "clients",
        "FORGET_CONSENTS",
        "an administrator deletes a client: no sign-in should pay for an index of it",
    ),
    (
        "clients",
        "REVOKE_TOKENS",
        "an administrator deletes a client: no token should pay for an index of it",
    ),
    (
        "sessions",
        "LIST",
        "an operator's command lists everybody's sessions",
    ),
];

/// What a statement derives and then goes through: small, because it is limited.
const DERIVED: &[&str] = &["ended"];

/// The steps of the plan that read a whole table or a whole tenant.
fn readings(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    steps
        .map(Result::unwrap)
        .filter(|step| {
            let mut words = step.split(' ');
            let (verb, place) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if is_small(place) || DERIVED.contains(&place) {
                return false;
            }
            let condition = step.rsplit_once(" (").map_or("", |(_, condition)| condition);
            verb == "SCAN" && place != "CONSTANT" || verb == "SEARCH" && !is_selective(condition)
        })
        .collect()
}

fn migrated() -> Connection {
    let conn = connection::open_memory(Duration::from_secs(1)).unwrap();
    migrate::run(&conn).unwrap();
    conn
}

#[test]
fn every_statement_of_a_request_is_indexed() {
    let conn = migrated();
    let found: Vec<_> = indexed_of(&every(), INDEXED, EXEMPT)
        .into_iter()
        .map(|(file, name, sql)| (file, name, readings(&conn, sql)))
        .filter(|(_, _, readings)| !readings.is_empty())
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_statement_without_an_index_is_found() {
    let conn = migrated();
    for sql in [
        "SELECT 1 FROM users WHERE claims = ?1",
        "SELECT id FROM grants g WHERE g.tenant_id = ?1 AND scope = ?2",
        "DELETE FROM consents WHERE client_id = ?1",
        "SELECT 1 FROM users ORDER BY tenant_id, id",
    ] {
        assert_eq!(readings(&conn, sql).len(), 1, "{sql}");
    }
}
