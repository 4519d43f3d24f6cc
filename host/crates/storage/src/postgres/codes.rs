//! Authorization codes.
//!
//! Why two racers cannot both win, and why a loser is told the truth, under READ COMMITTED:
//!
//! 1. `live` locks the grant's row `FOR SHARE`. If a revocation is under way it waits for it and then looks at the row
//!    as it is now (PostgreSQL re-checks the condition on the newest version), so a revoked grant never matches; and
//!    until this statement has committed, nobody can revoke the grant. A refresh token can therefore not be stored
//!    beside a revocation that has not seen it: the revocation comes wholly before or wholly after.
//! 2. `spent` updates the code's row. A second racer waits for the first one's row lock, is shown the row as the first
//!    one left it, finds `consumed_at` set, and matches nothing. If the first one rolled back, the second one wins.
//! 3. Everything else in the statement reads from `spent`, so a loser writes nothing.
//! 4. A loser asks again in a second statement. Its own snapshot is older than the winner's commit; a new statement
//!    has a new one. What it then sees only ever moves one way (a code is not un-spent, a grant not un-revoked), so
//!    the verdict holds although nothing is locked.
//!
//! Locks are taken in the order grant, code or token, predecessor, everywhere; those of several grants in the order of their
//! keys, by a run for many asks and by whoever ends several grants at once.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp, TokenHash,
    grant::RefreshToken,
    ports::{CodeStore, LoadedCode, RedeemEffects, RedeemOutcome, Redemption, StorageResult},
};

use super::{
    Tenant,
    effects::{self, Audit, effects, lone_events},
    many::{Column, Many, column, found},
    pool::Param,
    statements::statements,
    tenant::{to_its_end, unsettled},
    tokens::Opaque,
};
use crate::{
    rows::{self, code_columns, code_fact_columns, grant_columns, joined_user_columns},
    rules::spend::CodeVerdict,
};

statements! {
    LOAD = concat!(
        "SELECT k.n, ", code_columns!(), ", ", grant_columns!(), ", ", joined_user_columns!(), " \
         FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS k(tenant, hash, n) \
         JOIN authorization_codes c ON c.tenant_id = k.tenant AND c.hash = k.hash \
         JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
         JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id"
    );
    REDEEM = concat!(
        "WITH live AS (SELECT g.id FROM authorization_codes c \
           JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
           WHERE c.tenant_id = $1 AND c.hash = $2 AND g.revoked_at IS NULL AND g.expires_at > $3 \
           FOR SHARE OF g), \
         spent AS (UPDATE authorization_codes c SET consumed_at = $3 FROM live \
           WHERE c.tenant_id = $1 AND c.hash = $2 AND c.grant_id = live.id \
           AND c.consumed_at IS NULL AND c.expires_at > $3 RETURNING 1), \
         stored AS (INSERT INTO refresh_tokens \
           (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at) \
           SELECT $1::text, $4::bytea, $5::uuid, $6::text, $7::text, $8::bigint, $9::bigint \
           FROM spent WHERE $4::bytea IS NOT NULL), \
         opaque AS (INSERT INTO access_tokens \
           (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at) \
           SELECT $1::text, $11::bytea, $12::uuid, $13::text, $14::text, $15::bigint, $16::bigint \
           FROM spent WHERE $11::bytea IS NOT NULL)",
        effects!("$10" if "spent")
    );
    /// [`REDEEM`] for many codes, without opaque tokens and with one event each: what most redemptions are. Of two asks
    /// for one code one finds it live and spends it, as of two statements.
    REDEEM_MANY = concat!(
        "WITH asked AS (SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], \
             $4::bytea[], $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], \
             $10::bigint[], $11::text[], $12::text[], $13::uuid[], $14::text[], $15::text[]) WITH ORDINALITY \
           AS k(tenant, code, asked_at, token, token_grant, token_client, token_scope, token_created, token_expires, \
             event_at, action, detail, pseudonym, event_client, request_id, n) ORDER BY token_grant, code), \
         live AS (SELECT k.*, g.id AS live_grant FROM asked k \
           JOIN authorization_codes c ON c.tenant_id = k.tenant AND c.hash = k.code \
           JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
           WHERE (g.revoked_at IS NULL) IS TRUE AND (g.expires_at > k.asked_at) IS TRUE FOR SHARE OF g), \
         spent AS (UPDATE authorization_codes c SET consumed_at = live.asked_at FROM live \
           WHERE c.tenant_id = live.tenant AND c.hash = live.code AND c.grant_id = live.live_grant \
           AND (c.consumed_at IS NULL) IS TRUE AND (c.expires_at > live.asked_at) IS TRUE RETURNING live.*), \
         stored AS (INSERT INTO refresh_tokens \
           (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at) \
           SELECT tenant, token, token_grant, token_client, token_scope, token_created, token_expires \
           FROM spent WHERE token IS NOT NULL)",
        lone_events!(of "spent")
    );
    /// Step 4.
    FACTS = concat!(
        "SELECT ", code_fact_columns!(), " FROM authorization_codes c \
         JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
         WHERE c.tenant_id = $1 AND c.hash = $2"
    );
}

#[async_trait]
impl CodeStore for Tenant {
    async fn load_code(&self, hash: &TokenHash) -> StorageResult<Option<LoadedCode>> {
        found(self.lines.codes.ask(*hash).await?, |row| rows::loaded_code(row))
    }

    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome> {
        let tenant = self.clone();
        to_its_end(async move { tenant.redeem(redemption, effects).await }).await
    }
}

impl Tenant {
    async fn redeem(&self, redemption: Redemption, effects: RedeemEffects) -> StorageResult<RedeemOutcome> {
        let (hash, now) = (redemption.hash, redemption.now);
        if self.spend_code(redemption, effects.redeemed).await? {
            return Ok(RedeemOutcome::Redeemed);
        }
        let hash = hash.as_bytes().as_slice();
        let facts = self
            .db
            .find(FACTS, &[&self.id(), &hash], |row| rows::code_facts(row))
            .await?;
        let Some(facts) = facts else {
            return Ok(RedeemOutcome::Unknown);
        };
        match facts.judge(now) {
            CodeVerdict::Revoked => Ok(RedeemOutcome::Revoked),
            CodeVerdict::Expired => Ok(RedeemOutcome::Expired),
            CodeVerdict::Replayed => {
                let grant_id = facts.grant_id;
                let killed = self.kill_grant(grant_id, now, effects.replayed).await?;
                Ok(if killed {
                    RedeemOutcome::Replayed { grant_id }
                } else {
                    RedeemOutcome::Revoked
                })
            }
            CodeVerdict::Spendable => Err(unsettled()),
        }
    }

    async fn spend_code(&self, redemption: Redemption, effects: Effects) -> StorageResult<bool> {
        let effects = match effects::lone(effects) {
            Ok(event) if redemption.access_token.is_none() => {
                let event = Audit::of(event)?;
                let spent = self.lines.redemptions.ask(SpendCode { redemption, event });
                return Ok(spent.await?.is_some());
            }
            Ok(event) => Effects::audited(event),
            Err(effects) => effects,
        };
        let token = redemption.refresh_token.as_ref();
        let row: [Param<'_>; 10] = [
            &self.id(),
            &redemption.hash.as_bytes().as_slice(),
            &redemption.now.as_micros(),
            &token.map(|t| t.hash.as_bytes().as_slice()),
            &token.map(|t| t.grant_id.as_uuid()),
            &token.map(|t| t.client_id.as_str()),
            &token.map(|t| t.scope.to_string()),
            &token.map(created_at),
            &token.map(expires_at),
            &self.effects(effects)?,
        ];
        let opaque = Opaque::of(redemption.access_token.as_ref())?;
        let row: Vec<Param<'_>> = row.into_iter().chain(opaque.params()).collect();
        self.db.decide(REDEEM, &row).await
    }
}

/// Many codes, each with its grant and person.
pub(super) struct LoadCodes;

impl Many for LoadCodes {
    type Ask = TokenHash;
    const SQL: &'static str = LOAD;
    const CHANGES: bool = false;

    fn columns(asks: &[TokenHash]) -> Vec<Column<'_>> {
        vec![column(asks, |hash| hash.as_bytes().as_slice())]
    }
}

/// A code to spend: without an opaque token.
pub(super) struct SpendCode {
    redemption: Redemption,
    event: Audit,
}

impl SpendCode {
    fn token(&self) -> Option<&RefreshToken> {
        self.redemption.refresh_token.as_ref()
    }
}

/// Many codes to spend; those that were have a row.
pub(super) struct RedeemCodes;

impl Many for RedeemCodes {
    type Ask = SpendCode;
    const SQL: &'static str = REDEEM_MANY;
    const CHANGES: bool = true;

    fn columns(asks: &[SpendCode]) -> Vec<Column<'_>> {
        let mut columns = vec![
            column(asks, |ask| ask.redemption.hash.as_bytes().as_slice()),
            column(asks, |ask| ask.redemption.now.as_micros()),
            column(asks, |ask| ask.token().map(|t| t.hash.as_bytes().as_slice())),
            column(asks, |ask| ask.token().map(|t| t.grant_id.as_uuid())),
            column(asks, |ask| ask.token().map(|t| t.client_id.as_str())),
            column(asks, |ask| ask.token().map(|t| t.scope.to_string())),
            column(asks, |ask| ask.token().map(created_at)),
            column(asks, |ask| ask.token().map(expires_at)),
        ];
        columns.extend(Audit::columns(asks, |ask| &ask.event));
        columns
    }
}

fn created_at(token: &RefreshToken) -> i64 {
    Timestamp::as_micros(token.created_at)
}

fn expires_at(token: &RefreshToken) -> i64 {
    Timestamp::as_micros(token.expires_at)
}
