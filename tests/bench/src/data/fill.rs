//! Fills a database as an operator's would be after years.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{copy::EVERYTHING, database::Database, size::Size};
use crate::setup::{Stage, text};

/// What was made.
pub struct Filled {
    /// How long it took.
    pub lasted: Duration,
    /// How many rows there are now.
    pub rows: u64,
    /// The connection, which knows the originals.
    pub database: Database,
}

/// Fills the database of a server, which does not run meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn fill(stage: &mut Stage, size: &Size) -> Result<Filled> {
    make_originals(stage).await?;
    stage.server.terminate().context("the server runs")?;
    let began = Instant::now();
    let database = Database::open(stage).await?;
    database.make_keys(1..=size.users, size.clients).await?;
    let rows = database.copy(&EVERYTHING).await?;
    // PostgreSQL's own would do it, some minutes later; SQLite plans by what the migrations say.
    let settling: &[&str] = match &database {
        Database::Sqlite(_) => &["PRAGMA wal_checkpoint(TRUNCATE)"],
        Database::Postgres(_) => &["VACUUM ANALYZE", "CHECKPOINT"],
    };
    for sql in settling {
        database.run(sql).await?;
    }
    let lasted = began.elapsed();
    stage.server.start();
    Ok(Filled {
        lasted,
        rows,
        database,
    })
}

/// A grant whose refresh token was rotated once.
async fn make_originals(stage: &Stage) -> Result<()> {
    let tokens = stage.tokens(0).await?;
    let refresh = stage.site.refresh(&stage.client, text(&tokens, "refresh_token")?);
    stage.token_answer(&refresh).await?;
    Ok(())
}
