//! People's accounts.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, SessionId, StorageError, Timestamp, UserId,
    ports::{
        Ended, Page, PasswordChange, PasswordEnds, PasswordOutcome, StorageResult, UpdateOutcome, UserStore,
    },
    secret::SecretText,
    user::{LoginRecord, User, normalize_username},
};

use super::{
    Tenant,
    effects::{effects, killed},
    pool::Param,
    statements::statements,
    tenant::{limit, taken, to_its_end},
};
use crate::{
    codec,
    rows::{self, Columns as _, user_columns},
    rules::update_outcome,
};

statements! {
    LOAD = concat!("SELECT ", user_columns!(), " FROM users WHERE tenant_id = $1 AND id = $2");
    LOAD_LOGIN = concat!(
        "SELECT ", user_columns!(), ", password_hash FROM users \
         WHERE tenant_id = $1 AND normalized_username = $2"
    );
    LIST = concat!(
        "SELECT ", user_columns!(), " FROM users WHERE tenant_id = $1 AND normalized_username > $2 \
         ORDER BY normalized_username LIMIT $3"
    );
    CREATE = concat!(
        "WITH made AS (INSERT INTO users (tenant_id, ", user_columns!(), ", normalized_username, password_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING 1)",
        effects!("$18" if "made")
    );
    LOAD_CREDENTIALS = concat!(
        "SELECT ", user_columns!(), ", password_hash FROM users WHERE tenant_id = $1 AND id = $2"
    );
    UPDATE = concat!(
        "WITH updated AS (UPDATE users SET username = $3, claims = $4, group_names = $5, is_admin = $6, \
           enabled = $7, updated_at = $8, verified = $9, requires_password_change = $10, \
           normalized_username = $11, version = version + 1 \
           WHERE tenant_id = $1 AND id = $2 AND version = $12 RETURNING 1)",
        effects!("$13" if "updated")
    );
    EXISTS = "SELECT 1 FROM users WHERE tenant_id = $1 AND id = $2";
    SET_PASSWORD = concat!(
        "WITH changed AS (UPDATE users SET password_hash = $3, password_changed_at = $4, updated_at = $4, \
           requires_password_change = $5, version = version + 1 \
           WHERE tenant_id = $1 AND id = $2 AND ($6::text IS NULL OR password_hash = $6) RETURNING 1), \
         ended AS (UPDATE sessions SET ended_at = $4 \
           WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND expires_at > $4 AND $7::boolean \
           AND id IS DISTINCT FROM $8::uuid AND EXISTS (SELECT 1 FROM changed) RETURNING 1), ",
        killed!("user_id = $2 AND $7::boolean AND EXISTS (SELECT 1 FROM changed)" at "$4"),
        effects!("$9" if "changed" telling "killed"),
        ", (SELECT count(*) FROM ended), (SELECT count(*) FROM killed)"
    );
    /// Sessions, consents and grants go with it, when the statement has ended; codes and tokens are nothing without
    /// their grant.
    DELETE = concat!(
        "WITH gone AS (DELETE FROM users WHERE tenant_id = $1 AND id = $2 RETURNING 1), \
         killed AS (SELECT id FROM grants WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL \
           AND EXISTS (SELECT 1 FROM gone))",
        effects!("$3" if "gone" telling "killed")
    );
    SET_ENABLED = concat!(
        "WITH changed AS (UPDATE users SET enabled = $3, updated_at = $4, version = version + 1 \
           WHERE tenant_id = $1 AND id = $2 RETURNING 1)",
        effects!("$5" if "changed")
    );
}

#[async_trait]
impl UserStore for Tenant {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<Arc<User>>> {
        let found = self
            .db
            .find(LOAD, &[&self.id(), &id.as_uuid()], |row| rows::user(row))
            .await?;
        Ok(found.map(Arc::new))
    }

    async fn load_login(&self, normalized_username: &str) -> StorageResult<Option<LoginRecord>> {
        // What PostgreSQL cannot store, nobody is called.
        if normalized_username.contains('\0') {
            return Ok(None);
        }
        self.db
            .find(LOAD_LOGIN, &[&self.id(), &normalized_username], |row| {
                rows::login_record(row)
            })
            .await
    }

    async fn list_users(&self, page: &Page) -> StorageResult<Vec<User>> {
        let after = page.after.as_deref().unwrap_or_default();
        self.db
            .list(LIST, &[&self.id(), &after, &limit(page)], |row| rows::user(row))
            .await
    }

    async fn create_user(
        &self,
        user: &User,
        password_hash: Option<&SecretText>,
        effects: Effects,
    ) -> StorageResult<()> {
        let made = self
            .db
            .decide(
                CREATE,
                &[
                    &self.id(),
                    &user.id.as_uuid(),
                    &user.username,
                    &codec::to_json(&user.claims)?,
                    &codec::to_json(&user.groups)?,
                    &user.is_admin,
                    &user.enabled,
                    &user.pseudonym,
                    &user.created_at.as_micros(),
                    &user.updated_at.as_micros(),
                    &user.verified,
                    &user.requires_password_change,
                    &user.password_changed_at.map(Timestamp::as_micros),
                    &user.last_login_at.map(Timestamp::as_micros),
                    &user.version,
                    &normalize_username(&user.username),
                    &password_hash.map(SecretText::expose),
                    &self.effects(effects)?,
                ],
            )
            .await;
        taken(made, || format!("user {}", user.username))
    }

    async fn load_credentials(&self, id: UserId) -> StorageResult<Option<LoginRecord>> {
        self.db
            .find(LOAD_CREDENTIALS, &[&self.id(), &id.as_uuid()], |row| {
                rows::login_record(row)
            })
            .await
    }

    async fn update_user(&self, user: &User, effects: Effects) -> StorageResult<UpdateOutcome> {
        let updated = self
            .db
            .decide(
                UPDATE,
                &[
                    &self.id(),
                    &user.id.as_uuid(),
                    &user.username,
                    &codec::to_json(&user.claims)?,
                    &codec::to_json(&user.groups)?,
                    &user.is_admin,
                    &user.enabled,
                    &user.updated_at.as_micros(),
                    &user.verified,
                    &user.requires_password_change,
                    &normalize_username(&user.username),
                    &user.version,
                    &self.effects(effects)?,
                ],
            )
            .await
            .map_err(|error| match error {
                StorageError::Conflict(_) => StorageError::Conflict(format!("user {}", user.username)),
                other => other,
            })?;
        let exists = updated || self.user_exists(user.id).await?;
        Ok(update_outcome(updated, exists))
    }

    async fn set_password(&self, change: PasswordChange, effects: Effects) -> StorageResult<PasswordOutcome> {
        let tenant = self.clone();
        to_its_end(async move { tenant.change_password(&change, effects).await }).await
    }

    async fn delete_user(&self, id: UserId, effects: Effects) -> StorageResult<bool> {
        let row: [Param<'_>; 3] = [&self.id(), &id.as_uuid(), &self.effects(effects)?];
        let (deleted, ()) = self.decide_alone(id, DELETE, &row, |_| Ok(())).await?;
        Ok(deleted)
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.db
            .decide(
                SET_ENABLED,
                &[
                    &self.id(),
                    &id.as_uuid(),
                    &enabled,
                    &now.as_micros(),
                    &self.effects(effects)?,
                ],
            )
            .await
    }
}

impl Tenant {
    async fn user_exists(&self, id: UserId) -> StorageResult<bool> {
        let found = self.db.read(EXISTS, &[&self.id(), &id.as_uuid()]).await?;
        Ok(!found.is_empty())
    }

    async fn change_password(
        &self,
        change: &PasswordChange,
        effects: Effects,
    ) -> StorageResult<PasswordOutcome> {
        let (ends, keep) = match change.ends {
            PasswordEnds::Others { keep } => (true, keep),
            PasswordEnds::Nothing => (false, None),
        };
        let (changed, ended) = self
            .decide_alone(
                change.user_id,
                SET_PASSWORD,
                &[
                    &self.id(),
                    &change.user_id.as_uuid(),
                    &change.hash.expose(),
                    &change.now.as_micros(),
                    &change.requires_password_change,
                    &change.replaces.as_ref().map(SecretText::expose),
                    &ends,
                    &keep.map(SessionId::as_uuid),
                    &self.effects(effects)?,
                ],
                |row| {
                    Ok(Ended {
                        sessions: row.count()?,
                        grants: row.count()?,
                    })
                },
            )
            .await?;
        if changed {
            return Ok(PasswordOutcome::Changed(ended));
        }
        Ok(if self.user_exists(change.user_id).await? {
            PasswordOutcome::Stale
        } else {
            PasswordOutcome::Unknown
        })
    }
}
