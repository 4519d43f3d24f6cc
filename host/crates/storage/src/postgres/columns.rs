//! A row read from the left.

use authly_core::ports::StorageResult;
use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;

use crate::{codec::corrupt, rows::Columns};

/// A row read from the left.
pub(super) struct PgColumns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> PgColumns<'r> {
    pub(super) fn new(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }

    fn column<T: FromSql<'r>>(&mut self) -> StorageResult<T> {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|_| {
            let name = self
                .row
                .columns()
                .get(index)
                .map_or("a column", |column| column.name());
            corrupt(name)
        })
    }
}

impl Columns for PgColumns<'_> {
    fn text(&mut self) -> StorageResult<String> {
        self.column()
    }
    fn text_opt(&mut self) -> StorageResult<Option<String>> {
        self.column()
    }
    fn int(&mut self) -> StorageResult<i64> {
        self.column()
    }
    fn int_opt(&mut self) -> StorageResult<Option<i64>> {
        self.column()
    }
    fn flag(&mut self) -> StorageResult<bool> {
        self.column()
    }
    fn bytes(&mut self) -> StorageResult<Vec<u8>> {
        self.column()
    }
    fn bytes_opt(&mut self) -> StorageResult<Option<Vec<u8>>> {
        self.column()
    }
    fn uuid(&mut self) -> StorageResult<Uuid> {
        self.column()
    }
    fn uuid_opt(&mut self) -> StorageResult<Option<Uuid>> {
        self.column()
    }
}
