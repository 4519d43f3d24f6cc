//! Interactions: compare-and-set transitions, and the one step that ends them well.

use async_trait::async_trait;
use authly_core::{
    Effects, SessionId, Timestamp, TokenHash,
    interaction::{Interaction, InteractionState},
    ports::{AdvanceOutcome, CompleteOutcome, Completion, InteractionStore, StorageResult, Transition},
};

use super::{
    Tenant,
    effects::{effects, lone},
    pool::Param,
    statements::statements,
    tenant::taken,
};
use crate::{
    codec,
    rows::{self, consent_columns, interaction_columns},
    rules::interactions::not_completed,
};

statements! {
    CREATE = concat!(
        "INSERT INTO interactions (tenant_id, ", interaction_columns!(), ", stage) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    LOAD = concat!(
        "SELECT ", interaction_columns!(), " FROM interactions \
         WHERE tenant_id = $1 AND hash = $2 AND expires_at > $3"
    );
    /// Compare-and-set: of two racers from the same version the second waits for the first one's row lock, is shown
    /// the new version (READ COMMITTED re-checks the condition on the row as it is now), and matches nothing.
    ADVANCE = concat!(
        "WITH advanced AS (UPDATE interactions SET state = $4, stage = $5, version = version + 1, \
           browser_hash = COALESCE(browser_hash, $6) \
           WHERE tenant_id = $1 AND hash = $2 AND version = $3 AND stage NOT IN ('done', 'denied') \
           AND expires_at > $7 RETURNING 1)",
        effects!("$8" if "advanced")
    );
    /// Everything hangs on `finished`, so a second click, which matches no version, writes nothing at all. Where no
    /// interaction was persisted there is nothing to race for.
    ///
    /// `person` and `signed_in` lock what they look at: a person who is disabled or whose session ends in this moment is
    /// either seen as such, or that comes after and meets the grant that was written here.
    /// `relied_on` holds the consent in the same way, against its withdrawal alone: the key is locked, so that consents
    /// which grow meanwhile neither wait nor are waited for.
    /// Consents given at once add up: the second waits for the first one's row and unites with it as it is then.
    COMPLETE = concat!(
        "WITH person AS (SELECT 1 FROM users WHERE tenant_id = $1 AND id = $12 AND enabled FOR SHARE), \
         signed_in AS (SELECT 1 FROM sessions WHERE tenant_id = $1 AND id = $16::uuid AND user_id = $12 \
           AND ended_at IS NULL AND expires_at > $4 AND EXISTS (SELECT 1 FROM person) FOR SHARE), \
         relied_on AS (SELECT 1 FROM consents WHERE tenant_id = $1 AND user_id = $12 AND client_id = $11 \
           AND string_to_array($32::text, ' ') <@ string_to_array(scope, ' ') \
           AND EXISTS (SELECT 1 FROM person) FOR KEY SHARE), \
         admitted AS MATERIALIZED (SELECT 1 FROM person \
           WHERE ($16::uuid IS NULL OR EXISTS (SELECT 1 FROM signed_in)) \
           AND ($32::text IS NULL OR EXISTS (SELECT 1 FROM relied_on))), \
         finished AS (UPDATE interactions SET state = $5, stage = 'done', version = version + 1 \
           WHERE tenant_id = $1 AND hash = $2 AND version = $3 AND stage NOT IN ('done', 'denied') \
           AND expires_at > $4 AND EXISTS (SELECT 1 FROM admitted) RETURNING 1), \
         completed AS MATERIALIZED (SELECT 1 FROM admitted \
           WHERE $2::bytea IS NULL OR EXISTS (SELECT 1 FROM finished)), \
         agreed AS (INSERT INTO consents (tenant_id, ", consent_columns!(), ") \
           SELECT $1::text, $6::uuid, $7::text, $8::text, $9::bigint FROM completed WHERE $6::uuid IS NOT NULL \
           ON CONFLICT (tenant_id, user_id, client_id) \
           DO UPDATE SET scope = (SELECT string_agg(s, ' ' ORDER BY s COLLATE \"C\") FROM (SELECT DISTINCT s \
             FROM unnest(string_to_array(consents.scope || ' ' || EXCLUDED.scope, ' ')) AS united(s) \
             WHERE s <> '') AS every_scope), \
           updated_at = greatest(consents.updated_at, EXCLUDED.updated_at)), \
         granted AS (INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, \
           session_id, created_at, expires_at, revoked_at) \
           SELECT $1::text, $10::uuid, $11::text, $12::uuid, $13::text, $14::bigint, $15::text, $31::text, $16::uuid, \
           $17::bigint, $18::bigint, $29::bigint FROM completed), \
         issued AS (INSERT INTO authorization_codes (tenant_id, hash, grant_id, client_id, redirect_uri, \
           redirect_uri_given, code_challenge, nonce, scope, created_at, expires_at, consumed_at) \
           SELECT $1::text, $19::bytea, $20::uuid, $21::text, $22::text, $23::boolean, $24::text, $25::text, \
           $26::text, $27::bigint, $28::bigint, $30::bigint FROM completed)",
        effects!("$33" if "completed")
    );
    /// A final stage stays, so asking after `COMPLETE` turned somebody away is not too late.
    FINISHED = "SELECT 1 FROM interactions WHERE tenant_id = $1 AND hash = $2 AND stage IN ('done', 'denied')";
}

#[async_trait]
impl InteractionStore for Tenant {
    async fn create_interaction(&self, interaction: &Interaction) -> StorageResult<()> {
        let made = self
            .db
            .write(
                CREATE,
                &[
                    &self.id(),
                    &interaction.hash.as_bytes().as_slice(),
                    &interaction
                        .browser
                        .as_ref()
                        .map(|hash| hash.as_bytes().as_slice()),
                    &codec::to_json(&interaction.request)?,
                    &codec::to_json(&interaction.state)?,
                    &interaction.version,
                    &interaction.created_at.as_micros(),
                    &interaction.expires_at.as_micros(),
                    &codec::stage_name(&interaction.state),
                ],
            )
            .await;
        taken(made.map(|_| true), || "interaction".to_owned())
    }

    async fn load_interaction(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Interaction>> {
        self.db
            .find(
                LOAD,
                &[&self.id(), &hash.as_bytes().as_slice(), &now.as_micros()],
                |row| rows::interaction(row),
            )
            .await
    }

    async fn advance_interaction(
        &self,
        transition: Transition,
        effects: Effects,
    ) -> StorageResult<AdvanceOutcome> {
        let Transition {
            hash,
            version,
            state,
            browser,
            now,
        } = &transition;
        let advanced = self
            .db
            .decide(
                ADVANCE,
                &[
                    &self.id(),
                    &hash.as_bytes().as_slice(),
                    version,
                    &codec::to_json(state)?,
                    &codec::stage_name(state),
                    &browser.as_ref().map(|hash| hash.as_bytes().as_slice()),
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await;
        Ok(if advanced? {
            AdvanceOutcome::Advanced
        } else {
            AdvanceOutcome::Stale
        })
    }

    async fn complete_interaction(
        &self,
        completion: Completion,
        effects: Effects,
    ) -> StorageResult<CompleteOutcome> {
        let interaction = completion.interaction;
        let completed = match lone(effects) {
            Ok(event) if interaction.is_none() && completion.consent.is_none() => {
                self.complete_at_once(completion, event).await
            }
            Ok(event) => self.complete(&completion, Effects::audited(event)).await,
            Err(effects) => self.complete(&completion, effects).await,
        };
        if completed? {
            return Ok(CompleteOutcome::Completed);
        }
        let hash = interaction.as_ref().map(|(hash, _)| hash.as_bytes().as_slice());
        let finished = self.db.find(FINISHED, &[&self.id(), &hash], |_| Ok(())).await?;
        Ok(not_completed(finished.is_some()))
    }
}

impl Tenant {
    async fn complete(&self, completion: &Completion, effects: Effects) -> StorageResult<bool> {
        let Completion {
            interaction,
            consent,
            relies_on,
            grant,
            code,
            now,
        } = completion;
        let row: [Param<'_>; 33] = [
            &self.id(),
            &interaction.as_ref().map(|(hash, _)| hash.as_bytes().as_slice()),
            &interaction.map(|(_, version)| version),
            &now.as_micros(),
            &codec::to_json(&InteractionState::Done)?,
            &consent.as_ref().map(|c| c.user_id.as_uuid()),
            &consent.as_ref().map(|c| c.client_id.as_str()),
            &consent.as_ref().map(|c| c.scope.to_string()),
            &consent.as_ref().map(|c| c.updated_at.as_micros()),
            &grant.id.as_uuid(),
            &grant.client_id.as_str(),
            &grant.user_id.as_uuid(),
            &grant.scope.to_string(),
            &grant.auth_time.as_micros(),
            &codec::to_json(&grant.amr)?,
            &grant.session_id.map(SessionId::as_uuid),
            &grant.created_at.as_micros(),
            &grant.expires_at.as_micros(),
            &code.hash.as_bytes().as_slice(),
            &code.grant_id.as_uuid(),
            &code.client_id.as_str(),
            &code.redirect_uri,
            &code.redirect_uri_given,
            &code.code_challenge,
            &code.nonce,
            &code.scope.to_string(),
            &code.created_at.as_micros(),
            &code.expires_at.as_micros(),
            &grant.revoked_at.map(Timestamp::as_micros),
            &code.consumed_at.map(Timestamp::as_micros),
            &codec::to_json(&grant.claims)?,
            &relies_on.as_ref().map(ToString::to_string),
            &self.effects(effects)?,
        ];
        self.db.decide(COMPLETE, &row).await
    }
}
