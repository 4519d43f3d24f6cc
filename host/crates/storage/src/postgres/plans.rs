//! Every statement that runs in a request or a job finds its rows by an index, in the plan that PostgreSQL makes once
//! for every value of the parameters: a plan that was good for the values of the first calls proves nothing.

use authly_testkit::postgres::PostgresServer;
use serde_json::Value;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::statements::every;
use crate::{
    DatabaseConfig,
    plans::{Exempt, Indexed, indexed_of, is_selective, is_small},
};

const FILL: &str = include_str!("plans/fill.sql");

const INDEXED: Indexed = &[
    (
        "clients",
        &["LOAD", "LIST", "CREATE", "SET_ENABLED", "UPDATE", "EXISTS"],
    ),
    ("codes", &["LOAD", "REDEEM", "REDEEM_MANY", "FACTS"]),
    ("completions", &["COMPLETE_AT_ONCE"]),
    ("consents", &["LOAD", "LIST", "WITHDRAW"]),
    ("grants", &["LOAD", "REVOKE"]),
    (
        "interactions",
        &["CREATE", "LOAD", "ADVANCE", "COMPLETE", "FINISHED"],
    ),
    ("invalidations", &["START", "POLL", "PING"]),
    (
        "keys",
        &[
            "LOAD",
            "INSERT",
            "ACTIVATE",
            "REPLACE_ACTIVE",
            "REPLACE_COMPROMISED",
            "REMOVE",
            "HAS_ACTIVE",
        ],
    ),
    ("migrate", &["LOCK", "TABLE_EXISTS", "APPLIED", "RECORD"]),
    (
        "plugins",
        &[
            "LIST",
            "LOAD",
            "LOAD_COMPONENT",
            "HISTORY",
            "LOCK",
            "INSERT",
            "REPLACE",
            "REJECT",
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
    ("refresh", &["LOAD", "ROTATE", "USE", "FACTS"]),
    ("replay", &["CLAIM"]),
    ("rotations", &["ROTATE_MANY", "USE_MANY"]),
    ("scopes", &["LIST", "CREATE", "UPDATE", "DELETE", "SEED"]),
    (
        "sessions",
        &[
            "LOAD",
            "FIND",
            "START",
            "LIST_OF_USER",
            "TOUCH",
            "END_ALL",
            "END_EVERYTHING",
            "END",
        ],
    ),
    ("tenant", &["LOCK_USER"]),
    ("throttle", &["LOCK", "READ", "STORE", "SETTLE"]),
    (
        "tokens",
        &["LOAD", "INSERT", "REVOKE", "REVOKE_JWT", "IS_REVOKED", "STANDING"],
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
            "DELETE",
            "SET_ENABLED",
        ],
    ),
];

const EXEMPT: Exempt = &[
    (
        "clients",
        "DELETE",
        "an administrator deletes a client: no sign-in and no token should pay for an index of its consents and tokens",
    ),
    (
        "sessions",
        "LIST",
        "an operator's command lists everybody's sessions",
    ),
];

/// The nodes of a plan that read a whole table or a whole tenant. `table` is that of the node above: a bitmap's index
/// scan does not name its own.
fn readings(node: &Value, table: &str, found: &mut Vec<String>) {
    let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
    let table = node.get("Relation Name").and_then(Value::as_str).unwrap_or(table);
    let whole = text("Node Type") == "Seq Scan"
        || node.get("Index Name").is_some()
            && !is_selective(text("Index Cond"))
            && node.get("Conflict Resolution").is_none();
    if whole && !is_small(table) {
        found.push(format!("{} of {table} {}", text("Node Type"), text("Index Cond")));
    }
    for below in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        readings(below, table, found);
    }
}

/// What the plan of `sql` reads whole.
async fn read_whole(client: &Client, sql: &str) -> Vec<String> {
    let parameters = client.prepare(sql).await.unwrap().params().len();
    let values = vec!["NULL"; parameters].join(", ");
    let values = if values.is_empty() {
        values
    } else {
        format!("({values})")
    };
    let explain = format!("PREPARE s AS {sql}; EXPLAIN (FORMAT JSON) EXECUTE s{values}; DEALLOCATE s");
    let answer = client
        .simple_query(&explain)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let text = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let plan: Value = serde_json::from_str(text.unwrap()).unwrap();
    let mut found = Vec::new();
    readings(&plan[0]["Plan"], "", &mut found);
    found
}

/// A connection to a filled database that plans for no value in particular.
async fn filled(url: &str) -> Client {
    super::migrate(&DatabaseConfig::new(url)).await.unwrap();
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(FILL).await.unwrap();
    client
        .batch_execute("SET plan_cache_mode = force_generic_plan")
        .await
        .unwrap();
    client
}

#[tokio::test]
async fn every_statement_of_a_request_is_indexed() {
    let server = PostgresServer::shared().await.unwrap();
    let database = server.create_database().await.unwrap();
    let client = filled(database.url()).await;
    let mut found = Vec::new();
    for (file, name, sql) in indexed_of(&every(), INDEXED, EXEMPT) {
        let whole = read_whole(&client, sql).await;
        if !whole.is_empty() {
            found.push((file, name, whole));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn a_statement_without_an_index_is_found() {
    let server = PostgresServer::shared().await.unwrap();
    let database = server.create_database().await.unwrap();
    let client = filled(database.url()).await;
    for sql in [
        "SELECT 1 FROM users WHERE claims = $1",
        "SELECT id FROM grants WHERE tenant_id = $1 AND scope = $2",
        "DELETE FROM consents WHERE client_id = $1",
        "WITH gone AS (DELETE FROM refresh_tokens WHERE expires_at <= $1 RETURNING 1) SELECT count(*) FROM gone",
    ] {
        assert_eq!(read_whole(&client, sql).await.len(), 1, "{sql}");
    }
}

/// As the server's connections plan them. A nonce lives for seconds: when the table is analyzed there may be none, and an
/// index that is empty just then must not tempt the planner.
#[tokio::test]
async fn a_shared_statement_goes_by_keys_though_no_token_had_a_nonce() {
    let server = PostgresServer::shared().await.unwrap();
    let database = server.create_database().await.unwrap();
    let filler = filled(database.url()).await;
    filler
        .batch_execute("UPDATE refresh_tokens SET nonce_sealed = NULL")
        .await
        .unwrap();
    filler
        .batch_execute("VACUUM ANALYZE refresh_tokens")
        .await
        .unwrap();
    let config = DatabaseConfig::new(database.url());
    let connection = super::pool::connection_config(&config, "authly plans").unwrap();
    let (client, driver) = connection.connect(NoTls).await.unwrap();
    tokio::spawn(driver);
    let every = every();
    let shared: Vec<_> = every
        .iter()
        .filter(|(_, _, sql)| sql.contains("WITH ORDINALITY"))
        .collect();
    assert_eq!(shared.len(), 9);
    let mut found = Vec::new();
    for (file, name, sql) in shared {
        let whole = read_whole(&client, sql).await;
        if !whole.is_empty() {
            found.push((file, name, whole));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
