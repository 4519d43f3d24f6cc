//! The contract suite on SQLite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and a child process answers on its output"
)]

#[macro_use]
mod contract;
#[path = "sqlite/process.rs"]
mod process;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use authly_core::ports::Storage;
use authly_storage::DatabaseConfig;
use contract::{Backend, fixtures::sealer};
use rusqlite::types::ValueRef;

struct Sqlite {
    storage: Arc<dyn Storage>,
    directory: tempfile::TempDir,
}

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.directory.path().join("authly.db")
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = DatabaseConfig::new(format!("sqlite:{}", directory.path().join("authly.db").display()));
        authly_storage::migrate(&config).await.unwrap();
        let storage = authly_storage::open(&config, sealer(1)).await.unwrap();
        Self { storage, directory }
    }

    fn config(&self) -> DatabaseConfig {
        DatabaseConfig::new(format!("sqlite:{}", self.path().display()))
    }

    fn storage(&self) -> Arc<dyn Storage> {
        Arc::clone(&self.storage)
    }

    async fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        let conn = rusqlite::Connection::open(self.path()).unwrap();
        let mut statement = conn.prepare(statement).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push((0..columns).map(|i| text(row.get_ref(i).unwrap())).collect());
        }
        found
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(i) => i.to_string(),
        ValueRef::Real(r) => r.to_string(),
        ValueRef::Text(t) => String::from_utf8(t.to_vec()).unwrap(),
        ValueRef::Blob(b) => hex::encode(b),
    }
}

contract_suite!(Sqlite);
