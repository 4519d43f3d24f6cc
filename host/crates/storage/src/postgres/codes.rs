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
//! Locks are taken in the order grant, code or token, predecessor, everywhere: no deadlock.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp, TokenHash,
    grant::RefreshToken,
    ports::{CodeStore, LoadedCode, RedeemEffects, RedeemOutcome, Redemption, StorageResult},
};

use super::{
    Tenant,
    effects::{effects, lone_event},
    pool::Param,
    statements::statements,
    tenant::{Tailed, to_its_end, unsettled},
    tokens::Opaque,
};
use crate::{
    rows::{self, code_columns, code_fact_columns, grant_columns, joined_user_columns},
    rules::spend::CodeVerdict,
};

macro_rules! redemption {
    () => {
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
           FROM spent WHERE $4::bytea IS NOT NULL)"
    };
}

const REDEMPTION: Tailed = Tailed {
    alone: REDEEM_ALONE,
    whole: REDEEM,
};

statements! {
    LOAD = concat!(
        "SELECT ", code_columns!(), ", ", grant_columns!(), ", ", joined_user_columns!(), " \
         FROM authorization_codes c JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
         JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id \
         WHERE c.tenant_id = $1 AND c.hash = $2"
    );
    REDEEM = concat!(
        redemption!(),
        ", opaque AS (INSERT INTO access_tokens \
           (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at) \
           SELECT $1::text, $11::bytea, $12::uuid, $13::text, $14::text, $15::bigint, $16::bigint \
           FROM spent WHERE $11::bytea IS NOT NULL)",
        effects!("$10" if "spent")
    );
    REDEEM_ALONE = concat!(
        redemption!(),
        lone_event!(("$10", "$11", "$12", "$13", "$14", "$15") if "spent")
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
        self.db
            .find(LOAD, &[&self.id(), &hash.as_bytes().as_slice()], |row| {
                rows::loaded_code(row)
            })
            .await
    }

    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome> {
        let tenant = self.clone();
        to_its_end(async move { tenant.redeem(&redemption, effects).await }).await
    }
}

impl Tenant {
    async fn redeem(&self, redemption: &Redemption, effects: RedeemEffects) -> StorageResult<RedeemOutcome> {
        if self.spend_code(redemption, effects.redeemed).await? {
            return Ok(RedeemOutcome::Redeemed);
        }
        let hash = redemption.hash.as_bytes().as_slice();
        let facts = self
            .db
            .find(FACTS, &[&self.id(), &hash], |row| rows::code_facts(row))
            .await?;
        let Some(facts) = facts else {
            return Ok(RedeemOutcome::Unknown);
        };
        match facts.judge(redemption.now) {
            CodeVerdict::Revoked => Ok(RedeemOutcome::Revoked),
            CodeVerdict::Expired => Ok(RedeemOutcome::Expired),
            CodeVerdict::Replayed => {
                let grant_id = facts.grant_id;
                let killed = self
                    .kill_grant(grant_id, redemption.now, effects.replayed)
                    .await?;
                Ok(if killed {
                    RedeemOutcome::Replayed { grant_id }
                } else {
                    RedeemOutcome::Revoked
                })
            }
            CodeVerdict::Spendable => Err(unsettled()),
        }
    }

    async fn spend_code(&self, redemption: &Redemption, effects: Effects) -> StorageResult<bool> {
        let token = redemption.refresh_token.as_ref();
        let row: [Param<'_>; 9] = [
            &self.id(),
            &redemption.hash.as_bytes().as_slice(),
            &redemption.now.as_micros(),
            &token.map(|t| t.hash.as_bytes().as_slice()),
            &token.map(|t| t.grant_id.as_uuid()),
            &token.map(|t| t.client_id.as_str()),
            &token.map(|t| t.scope.to_string()),
            &token.map(created_at),
            &token.map(expires_at),
        ];
        let opaque = Opaque::of(redemption.access_token.as_ref())?;
        self.decide_leanly(REDEMPTION, &row, &opaque, effects).await
    }
}

fn created_at(token: &RefreshToken) -> i64 {
    Timestamp::as_micros(token.created_at)
}

fn expires_at(token: &RefreshToken) -> i64 {
    Timestamp::as_micros(token.expires_at)
}
