//! Interactions: compare-and-set transitions, and the one step that ends them well.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp, TokenHash,
    interaction::{Interaction, InteractionState},
    ports::{AdvanceOutcome, CompleteOutcome, Completion, InteractionStore, StorageResult, Transition},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    codes, consents, effects, grants,
};
use crate::{
    codec::{stage_name, to_json},
    rows::{self, interaction_columns},
    rules::interactions::not_completed,
};

statements! {
    CREATE = "INSERT INTO interactions (tenant_id, ", interaction_columns!(), ", stage) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    LOAD = "SELECT ", interaction_columns!(), " FROM interactions \
        WHERE tenant_id = ?1 AND hash = ?2 AND expires_at > ?3";
    ADVANCE = "UPDATE interactions SET stage = ?4, state = ?5, browser_hash = COALESCE(browser_hash, ?6), \
        version = version + 1 \
        WHERE tenant_id = ?1 AND hash = ?2 AND version = ?3 AND expires_at > ?7 \
        AND stage NOT IN ('done', 'denied')";
    ADMITTED = "SELECT 1 FROM users u WHERE u.tenant_id = ?1 AND u.id = ?2 AND u.enabled = 1 \
        AND (?3 IS NULL OR EXISTS (SELECT 1 FROM sessions s WHERE s.tenant_id = ?1 AND s.id = ?3 \
            AND s.user_id = ?2 AND s.ended_at IS NULL AND s.expires_at > ?4))";
    FINISHED = "SELECT 1 FROM interactions WHERE tenant_id = ?1 AND hash = ?2 AND stage IN ('done', 'denied')";
}

fn create(access: &Access<'_>, interaction: &Interaction) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        interaction.hash.as_bytes(),
        interaction.browser.as_ref().map(TokenHash::as_bytes),
        to_json(&interaction.request)?,
        to_json(&interaction.state)?,
        interaction.version,
        interaction.created_at.as_micros(),
        interaction.expires_at.as_micros(),
        stage_name(&interaction.state),
    ];
    taken(access.execute(CREATE, row), || "interaction".to_owned())?;
    Ok(())
}

fn advance(access: &Access<'_>, to: &Transition) -> StorageResult<bool> {
    let row = params![
        access.tenant(),
        to.hash.as_bytes(),
        to.version,
        stage_name(&to.state),
        to_json(&to.state)?,
        to.browser.as_ref().map(TokenHash::as_bytes),
        to.now.as_micros(),
    ];
    Ok(access.execute(ADVANCE, row)? > 0)
}

/// Whether the person of the grant may still be answered for, is still signed in, and still agrees to what is relied on:
/// in the moment of writing, not a moment before.
fn is_admitted(access: &Access<'_>, completion: &Completion) -> StorageResult<bool> {
    let grant = &completion.grant;
    let key = params![
        access.tenant(),
        grant.user_id.as_uuid().into_bytes(),
        grant.session_id.map(|id| id.as_uuid().into_bytes()),
        completion.now.as_micros()
    ];
    if access.find(ADMITTED, key, |_| Ok(()))?.is_none() {
        return Ok(false);
    }
    let Some(needed) = &completion.relies_on else {
        return Ok(true);
    };
    let consent = consents::load(access, grant.user_id, &grant.client_id)?;
    Ok(consent.is_some_and(|consent| needed.is_subset(&consent.scope)))
}

/// The compare-and-set of the interaction decides; everything else follows in the same job, which is kept whole or not at
/// all.
fn complete(
    access: &Access<'_>,
    completion: &Completion,
    effects: &Effects,
) -> StorageResult<CompleteOutcome> {
    if !is_admitted(access, completion)? {
        return Ok(CompleteOutcome::Stale);
    }
    if let Some((hash, version)) = completion.interaction {
        let done = Transition {
            hash,
            version,
            state: InteractionState::Done,
            browser: None,
            now: completion.now,
        };
        if !advance(access, &done)? {
            let key = params![access.tenant(), hash.as_bytes()];
            let finished = access.find(FINISHED, key, |_| Ok(()))?.is_some();
            return Ok(not_completed(finished));
        }
    }
    if let Some(consent) = &completion.consent {
        consents::remember(access, consent)?;
    }
    grants::insert(access, &completion.grant)?;
    codes::insert(access, &completion.code)?;
    effects::store(access, effects)?;
    Ok(CompleteOutcome::Completed)
}

#[async_trait]
impl InteractionStore for SqliteTenant {
    async fn create_interaction(&self, interaction: &Interaction) -> StorageResult<()> {
        let interaction = interaction.clone();
        self.write(move |access| create(access, &interaction)).await
    }

    async fn load_interaction(&self, hash: &TokenHash, now: Timestamp) -> StorageResult<Option<Interaction>> {
        let hash = *hash;
        self.look_up(move |access| {
            let key = params![access.tenant(), hash.as_bytes(), now.as_micros()];
            access.find(LOAD, key, |row| rows::interaction(row))
        })
        .await
    }

    async fn advance_interaction(
        &self,
        transition: Transition,
        effects: Effects,
    ) -> StorageResult<AdvanceOutcome> {
        self.write(move |access| {
            let advanced = advance(access, &transition)?;
            access.store_if(advanced, &effects)?;
            Ok(if advanced {
                AdvanceOutcome::Advanced
            } else {
                AdvanceOutcome::Stale
            })
        })
        .await
    }

    async fn complete_interaction(
        &self,
        completion: Completion,
        effects: Effects,
    ) -> StorageResult<CompleteOutcome> {
        self.write(move |access| complete(access, &completion, &effects))
            .await
    }
}
