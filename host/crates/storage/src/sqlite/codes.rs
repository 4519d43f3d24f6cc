//! Authorization codes: spent once, and a second use kills the grant.

use async_trait::async_trait;
use authly_core::{
    Timestamp, TokenHash,
    grant::AuthorizationCode,
    ports::{CodeStore, LoadedCode, RedeemEffects, RedeemOutcome, Redemption, StorageResult},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects, grants, refresh, tokens,
};
use crate::{
    codec::corrupt,
    rows::{self, code_columns, code_fact_columns, grant_columns, joined_user_columns},
    rules::spend::CodeVerdict,
};

statements! {
    LOAD = "SELECT ", code_columns!(), ", ", grant_columns!(), ", ", joined_user_columns!(), " \
        FROM authorization_codes c JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
        JOIN users u ON u.tenant_id = g.tenant_id AND u.id = g.user_id \
        WHERE c.tenant_id = ?1 AND c.hash = ?2";
    INSERT = "INSERT INTO authorization_codes (tenant_id, hash, grant_id, client_id, redirect_uri, \
        redirect_uri_given, code_challenge, nonce, scope, created_at, expires_at, consumed_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    // Single use is decided here.
    SPEND = "UPDATE authorization_codes AS c SET consumed_at = ?3 \
        WHERE c.tenant_id = ?1 AND c.hash = ?2 AND c.consumed_at IS NULL AND c.expires_at > ?3 \
        AND EXISTS (SELECT 1 FROM grants g WHERE g.tenant_id = c.tenant_id AND g.id = c.grant_id \
            AND g.revoked_at IS NULL AND g.expires_at > ?3)";
    FACTS = "SELECT ", code_fact_columns!(), " FROM authorization_codes c \
        JOIN grants g ON g.tenant_id = c.tenant_id AND g.id = c.grant_id \
        WHERE c.tenant_id = ?1 AND c.hash = ?2";
}

pub(super) fn insert(access: &Access<'_>, code: &AuthorizationCode) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        code.hash.as_bytes(),
        code.grant_id.as_uuid().into_bytes(),
        code.client_id.as_str(),
        code.redirect_uri,
        code.redirect_uri_given,
        code.code_challenge,
        code.nonce,
        code.scope.to_string(),
        code.created_at.as_micros(),
        code.expires_at.as_micros(),
        code.consumed_at.map(Timestamp::as_micros),
    ];
    taken(access.execute(INSERT, row), || "authorization code".to_owned())?;
    Ok(())
}

fn redeem(
    access: &Access<'_>,
    redemption: &Redemption,
    effects: &RedeemEffects,
) -> StorageResult<RedeemOutcome> {
    let now = redemption.now;
    let row = params![access.tenant(), redemption.hash.as_bytes(), now.as_micros()];
    if access.execute(SPEND, row)? > 0 {
        if let Some(token) = &redemption.refresh_token {
            refresh::insert(access, token, None)?;
        }
        tokens::insert_if(access, redemption.access_token.as_ref())?;
        effects::store(access, &effects.redeemed)?;
        return Ok(RedeemOutcome::Redeemed);
    }
    let key = params![access.tenant(), redemption.hash.as_bytes()];
    let Some(facts) = access.find(FACTS, key, |row| rows::code_facts(row))? else {
        return Ok(RedeemOutcome::Unknown);
    };
    match facts.judge(now) {
        CodeVerdict::Revoked => Ok(RedeemOutcome::Revoked),
        CodeVerdict::Expired => Ok(RedeemOutcome::Expired),
        CodeVerdict::Replayed => {
            let grant_id = facts.grant_id;
            grants::revoke(access, grant_id, now)?;
            effects::store(access, &effects.replayed)?;
            Ok(RedeemOutcome::Replayed { grant_id })
        }
        CodeVerdict::Spendable => Err(corrupt("a code neither spent nor spendable")),
    }
}

#[async_trait]
impl CodeStore for SqliteTenant {
    async fn load_code(&self, hash: &TokenHash) -> StorageResult<Option<LoadedCode>> {
        let hash = *hash;
        self.look_up(move |access| {
            access.find(LOAD, params![access.tenant(), hash.as_bytes()], |row| {
                rows::loaded_code(row)
            })
        })
        .await
    }

    async fn redeem_code(
        &self,
        redemption: Redemption,
        effects: RedeemEffects,
    ) -> StorageResult<RedeemOutcome> {
        self.write(move |access| redeem(access, &redemption, &effects))
            .await
    }
}
