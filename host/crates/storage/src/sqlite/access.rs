//! What a job sees: a connection, its tenant, and the few ways to run a statement.

use std::cell::Cell;

use authly_core::{Effects, StorageError, TenantId, ports::StorageResult};
use rusqlite::{Connection, Params, Row, types::FromSql};
use uuid::Uuid;

use super::connection::failure;
use crate::{codec::corrupt, rows::Columns, seal::Sealer};

/// Declares the statements of an aggregate, and the list from which a test prepares every one.
macro_rules! statements {
    ($($name:ident = $($sql:expr),+;)+) => {
        $(const $name: &str = concat!($($sql),+);)+
        /// Every statement of this file, by name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(super) use statements;

/// A connection within a job. On the writer it is inside a transaction that other jobs share.
pub(super) struct Access<'a> {
    pub conn: &'a Connection,
    pub tenant: &'a TenantId,
    pub sealer: &'a Sealer,
    /// Set by a write that left an invalidation: its commit wakes the poll.
    pub invalidated: &'a Cell<bool>,
}

impl Access<'_> {
    /// The tenant as a parameter.
    pub fn tenant(&self) -> &str {
        self.tenant.as_str()
    }

    /// Stores the effects when the change happened; answers whether it did.
    pub fn store_if(&self, happened: bool, effects: &Effects) -> StorageResult<bool> {
        if happened {
            super::effects::store(self, effects)?;
        }
        Ok(happened)
    }

    /// Runs a statement; answers how many rows it changed.
    pub fn execute(&self, sql: &str, params: impl Params) -> StorageResult<usize> {
        execute(self.conn, sql, params)
    }

    /// The first row, if any.
    pub fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        decode: impl FnOnce(&mut Reader<'_, '_>) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        find(self.conn, sql, params, decode)
    }

    /// Every row.
    pub fn list<T>(
        &self,
        sql: &str,
        params: impl Params,
        decode: impl FnMut(&mut Reader<'_, '_>) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        list(self.conn, sql, params, decode)
    }
}

/// Runs a statement; answers how many rows it changed.
pub(super) fn execute(conn: &Connection, sql: &str, params: impl Params) -> StorageResult<usize> {
    let mut statement = conn.prepare_cached(sql).map_err(failure)?;
    statement.execute(params).map_err(failure)
}

/// The first row, if any. The statement runs to its end, so that an `UPDATE … RETURNING` is whole.
pub(super) fn find<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    decode: impl FnOnce(&mut Reader<'_, '_>) -> StorageResult<T>,
) -> StorageResult<Option<T>> {
    let mut statement = conn.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params).map_err(failure)?;
    let Some(row) = rows.next().map_err(failure)? else {
        return Ok(None);
    };
    let found = decode(&mut Reader { row, next: 0 })?;
    while rows.next().map_err(failure)?.is_some() {}
    Ok(Some(found))
}

/// Every row.
pub(super) fn list<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut decode: impl FnMut(&mut Reader<'_, '_>) -> StorageResult<T>,
) -> StorageResult<Vec<T>> {
    let mut statement = conn.prepare_cached(sql).map_err(failure)?;
    let mut rows = statement.query(params).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(decode(&mut Reader { row, next: 0 })?);
    }
    Ok(found)
}

/// Names what is taken when an insert meets a unique key.
pub(super) fn taken<T>(result: StorageResult<T>, what: impl FnOnce() -> String) -> StorageResult<T> {
    result.map_err(|error| match error {
        StorageError::Conflict(_) => StorageError::Conflict(what()),
        other => other,
    })
}

/// A row read from the left.
pub(super) struct Reader<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl Reader<'_, '_> {
    fn column<T: FromSql>(&mut self) -> StorageResult<T> {
        let value = self.row.get(self.next).map_err(failure);
        self.next += 1;
        value
    }
}

fn uuid(bytes: &[u8]) -> StorageResult<Uuid> {
    Uuid::from_slice(bytes).map_err(|_| corrupt("a UUID that is not 16 bytes"))
}

impl Columns for Reader<'_, '_> {
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
        uuid(&self.bytes()?)
    }
    fn uuid_opt(&mut self) -> StorageResult<Option<Uuid>> {
        self.bytes_opt()?.map(|b| uuid(&b)).transpose()
    }
}
