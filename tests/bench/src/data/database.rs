//! The database itself, beside the server that serves from it: the one place of the bench that writes to it, because no
//! request makes a million people in a minute.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result};
use authly_core::TokenHash;
use rusqlite::{Connection, params};
use tokio_postgres::{Client, NoTls};

use super::copy::{Copy, ORIGINALS};
use crate::setup::Stage;

/// What a key's hashes are of. Its tokens are known by it: [`token_of`].
const PARTS: [&str; 5] = ["person", "pseudonym", "family", "spent", "live"];

/// A connection, with the originals and the keys in temporary tables of its own.
pub enum Database {
    /// SQLite.
    Sqlite(Connection),
    /// PostgreSQL.
    Postgres(Client),
}

/// The live refresh token of key `n`.
pub fn token_of(n: u64) -> String {
    format!("live-{n}")
}

impl Database {
    /// Connects, and keeps the originals aside.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open(stage: &Stage) -> Result<Self> {
        let database = match &stage.database {
            None => {
                let connection = Connection::open(stage.sqlite_file())?;
                connection.busy_timeout(std::time::Duration::from_mins(1))?;
                // Every row belongs to one that was made just before.
                connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA cache_size = -262144;")?;
                Self::Sqlite(connection)
            }
            Some(database) => {
                let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await?;
                tokio::spawn(connection);
                client.batch_execute("SET work_mem = '256MB'").await?;
                Self::Postgres(client)
            }
        };
        for original in ORIGINALS {
            database.run(&original.statement()).await?;
        }
        Ok(database)
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql)?,
            Self::Postgres(client) => client.batch_execute(sql).await?,
        }
        Ok(())
    }

    /// The one number a query answers.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(match self {
            Self::Sqlite(connection) => connection.query_row(sql, [], |row| row.get(0))?,
            Self::Postgres(client) => client.query_one(sql, &[]).await?.try_get(0)?,
        })
    }

    /// Makes the keys of these numbers, with `clients` beside each.
    pub async fn make_keys(&self, numbers: RangeInclusive<u64>, clients: u64) -> Result<()> {
        self.run("DROP TABLE IF EXISTS keys").await?;
        match self {
            Self::Sqlite(connection) => sqlite_keys(connection, numbers, clients),
            Self::Postgres(client) => {
                let hash = |part: &str| format!("sha256(convert_to('{part}-' || n, 'UTF8')) AS {part}");
                let uuid = |part: &str| {
                    format!(
                        "encode(substr(sha256(convert_to('{part}-' || n, 'UTF8')), 1, 16), 'hex')::uuid AS {part}"
                    )
                };
                let [person, pseudonym, family, spent, live] = PARTS;
                let sql = format!(
                    "CREATE TEMPORARY TABLE keys AS SELECT n, {clients}::bigint AS clients, {}, {}, {}, {}, {} \
                     FROM generate_series({}::bigint, {}::bigint) AS n",
                    uuid(person),
                    uuid(pseudonym),
                    uuid(family),
                    hash(spent),
                    hash(live),
                    numbers.start(),
                    numbers.end(),
                );
                Ok(client.batch_execute(&sql).await?)
            }
        }
    }

    /// Makes the copies, all or none, and answers how many.
    pub async fn copy(&self, copies: &[Copy]) -> Result<u64> {
        let mut rows = 0;
        self.run(match self {
            // Waits for the server's turn to end, rather than fail on what it wrote meanwhile.
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        })
        .await?;
        for copy in copies {
            let sql = copy.statement(&self.columns(copy.of.name).await?);
            rows += match self {
                Self::Sqlite(connection) => connection.execute(&sql, [])? as u64,
                Self::Postgres(client) => client.execute(&sql, &[]).await?,
            };
        }
        self.run("COMMIT").await?;
        Ok(rows)
    }

    async fn columns(&self, table: &str) -> Result<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
                let names = statement.query_map([table], |row| row.get(0))?;
                names.collect::<Result<_, _>>().context("the columns")
            }
            Self::Postgres(client) => {
                let sql = "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1 \
                           ORDER BY ordinal_position";
                let rows = client.query(sql, &[&table]).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
                    .context("the columns")
            }
        }
    }
}

fn sqlite_keys(connection: &Connection, numbers: RangeInclusive<u64>, clients: u64) -> Result<()> {
    connection.execute_batch(
        "CREATE TEMPORARY TABLE keys (n INTEGER PRIMARY KEY, clients INTEGER, person BLOB, pseudonym BLOB, \
         family BLOB, spent BLOB, live BLOB); BEGIN",
    )?;
    let clients = i64::try_from(clients)?;
    let mut insert = connection.prepare("INSERT INTO temp.keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for n in numbers {
        let hash = |part: &str| TokenHash::of(format!("{part}-{n}").as_bytes());
        let [person, pseudonym, family, spent, live] = PARTS.map(hash);
        let uuid = |hash: &TokenHash| hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        insert.execute(params![
            i64::try_from(n)?,
            clients,
            uuid(&person),
            uuid(&pseudonym),
            uuid(&family),
            spent.as_bytes(),
            live.as_bytes(),
        ])?;
    }
    Ok(connection.execute_batch("COMMIT")?)
}
