//! The statements that requests share ([`together`](super::together)): each takes an array for every column of what is
//! asked, and numbers its rows by the ask.
//!
//! A connection plans them once and keeps to that plan until a table is analyzed. So the text leaves little choice: rows are
//! joined to the asks by their key, of which the tenant is a column like the others, and every other condition is in
//! parentheses and `IS TRUE`, which no index answers, not even one that happened to be empty when it was analyzed.

use std::{marker::PhantomData, sync::Arc};

use authly_core::{StorageError, TenantId, ports::StorageResult};
use tokio_postgres::{Row, types::ToSql};

use super::{
    codes::{LoadCodes, RedeemCodes},
    columns::PgColumns,
    completions::CompleteAtOnce,
    errors::was_kept_waiting,
    pool::{Database, Param},
    refresh::LoadRefreshTokens,
    rotations::{RotateRefreshTokens, UseRefreshTokens},
    sessions::LoadSessions,
    together::{Statement, Together},
    tokens::{FindRevoked, LoadStandings},
};
use crate::{codec::corrupt, rows::Columns as _};

/// One column of all asks.
pub(super) type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement for many asks.
pub(super) trait Many: Send + Sync + 'static {
    /// What one caller asks.
    type Ask: Send + Sync + 'static;
    /// Its text. `$1` is the tenant, for each ask; the first column of its rows, at most one for each ask, is the ask's number, from 1.
    const SQL: &'static str;
    /// Whether it changes anything.
    const CHANGES: bool;

    /// The parameters after the tenant, arrays as long as `asks`.
    fn columns(asks: &[Self::Ask]) -> Vec<Column<'_>>;
}

/// What one column is of each ask.
pub(super) fn column<'a, A, T>(asks: &'a [A], of: impl Fn(&'a A) -> T) -> Column<'a>
where
    T: ToSql + Sync + Send + 'a,
{
    Box::new(asks.iter().map(of).collect::<Vec<T>>())
}

/// A [`Many`] of one tenant.
pub(super) struct OfTenant<M> {
    db: Arc<Database>,
    tenant: TenantId,
    statement: PhantomData<fn() -> M>,
}

impl<M: Many> OfTenant<M> {
    fn new(db: &Arc<Database>, tenant: &TenantId) -> Arc<Together<Self>> {
        Together::new(Self {
            db: Arc::clone(db),
            tenant: tenant.clone(),
            statement: PhantomData,
        })
    }
}

impl<M: Many> Statement for OfTenant<M> {
    type Ask = M::Ask;
    type Answer = Option<Numbered>;

    async fn run(&self, asks: &[M::Ask]) -> StorageResult<Vec<Option<Numbered>>> {
        let rows = {
            let columns = M::columns(asks);
            let tenant = vec![self.tenant.as_str(); asks.len()];
            let columns = columns.iter().map(|column| -> Param<'_> { &**column });
            let params: Vec<Param<'_>> = std::iter::once(&tenant as Param<'_>).chain(columns).collect();
            if M::CHANGES {
                self.db.write(M::SQL, &params).await?
            } else {
                self.db.read(M::SQL, &params).await?
            }
        };
        let mut answers: Vec<Option<Numbered>> = asks.iter().map(|_| None).collect();
        for row in rows {
            let number = PgColumns::new(&row).count()?;
            let at = usize::try_from(number.wrapping_sub(1)).unwrap_or(usize::MAX);
            let answer = answers
                .get_mut(at)
                .ok_or_else(|| corrupt("the number of an ask"))?;
            *answer = Some(Numbered(row));
        }
        Ok(answers)
    }

    fn is_open(&self, error: &StorageError) -> bool {
        matches!(error, StorageError::Unavailable(_)) && !was_kept_waiting(error)
    }
}

/// The row of one ask.
pub(super) struct Numbered(Row);

impl Numbered {
    /// The columns after the number.
    pub fn read<T>(&self, decode: impl FnOnce(&mut PgColumns<'_>) -> StorageResult<T>) -> StorageResult<T> {
        let mut columns = PgColumns::new(&self.0);
        columns.count()?;
        decode(&mut columns)
    }
}

/// Reads the row of an ask that looked for something.
pub(super) fn found<T>(
    row: Option<Numbered>,
    decode: impl FnOnce(&mut PgColumns<'_>) -> StorageResult<T>,
) -> StorageResult<Option<T>> {
    row.map(|row| row.read(decode)).transpose()
}

type Line<M> = Arc<Together<OfTenant<M>>>;

/// Who waits for what in a tenant.
pub(super) struct Lines {
    pub codes: Line<LoadCodes>,
    pub redemptions: Line<RedeemCodes>,
    pub refresh_tokens: Line<LoadRefreshTokens>,
    pub rotations: Line<RotateRefreshTokens>,
    pub uses: Line<UseRefreshTokens>,
    pub sessions: Line<LoadSessions>,
    pub standings: Line<LoadStandings>,
    pub revoked: Line<FindRevoked>,
    pub completions: Line<CompleteAtOnce>,
}

impl Lines {
    pub fn new(db: &Arc<Database>, tenant: &TenantId) -> Self {
        Self {
            codes: OfTenant::new(db, tenant),
            redemptions: OfTenant::new(db, tenant),
            refresh_tokens: OfTenant::new(db, tenant),
            rotations: OfTenant::new(db, tenant),
            uses: OfTenant::new(db, tenant),
            sessions: OfTenant::new(db, tenant),
            standings: OfTenant::new(db, tenant),
            revoked: OfTenant::new(db, tenant),
            completions: OfTenant::new(db, tenant),
        }
    }
}
