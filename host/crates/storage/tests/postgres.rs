//! The PostgreSQL backend: the contract both backends keep, and what only PostgreSQL can get wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "postgres/commit_order.rs"]
mod commit_order;
#[macro_use]
mod contract;
#[path = "postgres/fixture.rs"]
mod fixture;
#[path = "postgres/migrations.rs"]
mod migrations;
#[path = "postgres/outage.rs"]
mod outage;
#[path = "postgres/retries.rs"]
mod retries;
#[path = "postgres/shutting_out.rs"]
mod shutting_out;

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::ports::Storage;
use authly_storage::DatabaseConfig;
use authly_testkit::postgres::{PostgresServer, TestDatabase};
use contract::{Backend, fixtures::sealer};
use tokio_postgres::{NoTls, SimpleQueryMessage, SimpleQueryRow};

struct Postgres {
    storage: Arc<dyn Storage>,
    database: TestDatabase,
}

#[async_trait]
impl Backend for Postgres {
    async fn fresh() -> Self {
        let database = fixture::migrated(&PostgresServer::shared().await.unwrap()).await;
        let storage = authly_storage::open(&DatabaseConfig::new(database.url()), sealer(1))
            .await
            .unwrap();
        Self { storage, database }
    }

    fn config(&self) -> DatabaseConfig {
        DatabaseConfig::new(self.database.url())
    }

    fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    async fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        let (client, connection) = tokio_postgres::connect(self.database.url(), NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        let answer = client.simple_query(statement).await.unwrap();
        drop(client);
        driver.await.unwrap().unwrap();
        answer
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(texts(row)),
                _ => None,
            })
            .collect()
    }
}

fn texts(row: &SimpleQueryRow) -> Vec<String> {
    let text = |i| {
        let value = row.get(i).unwrap_or_default();
        // How PostgreSQL writes bytes.
        value.strip_prefix("\\x").unwrap_or(value).to_owned()
    };
    (0..row.len()).map(text).collect()
}

contract_suite!(Postgres);
