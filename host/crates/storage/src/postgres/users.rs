//! People's accounts.

use async_trait::async_trait;
use authly_core::{
    Effects, Timestamp, UserId,
    ports::{Page, StorageResult, UserStore},
    secret::SecretText,
    user::{LoginRecord, User, normalize_username},
};

use super::{
    Tenant,
    effects::effects,
    statements::statements,
    tenant::{limit, taken},
};
use crate::{
    codec,
    rows::{self, user_columns},
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
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING 1)",
        effects!("$13" if "made")
    );
    SET_ENABLED = concat!(
        "WITH changed AS (UPDATE users SET enabled = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2 \
         RETURNING 1)",
        effects!("$5" if "changed")
    );
}

#[async_trait]
impl UserStore for Tenant {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<User>> {
        self.db
            .find(LOAD, &[&self.id(), &id.as_uuid()], |row| rows::user(row))
            .await
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
                    &normalize_username(&user.username),
                    &password_hash.map(SecretText::expose),
                    &self.effects(effects)?,
                ],
            )
            .await;
        taken(made, || format!("user {}", user.username))
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
