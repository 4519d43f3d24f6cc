//! People's accounts.

use async_trait::async_trait;
use authly_core::{
    Effects, SecretText, Timestamp, UserId,
    ports::{Page, StorageResult, UserStore},
    user::{LoginRecord, User, normalize_username},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects,
};
use crate::{
    codec::to_json,
    rows::{self, user_columns},
};

statements! {
    LOAD = "SELECT ", user_columns!(), " FROM users WHERE tenant_id = ?1 AND id = ?2";
    LOAD_LOGIN = "SELECT ", user_columns!(), ", password_hash FROM users \
        WHERE tenant_id = ?1 AND normalized_username = ?2";
    LIST = "SELECT ", user_columns!(), " FROM users WHERE tenant_id = ?1 AND normalized_username > ?2 \
        ORDER BY normalized_username LIMIT ?3";
    CREATE = "INSERT INTO users (tenant_id, ", user_columns!(), ", normalized_username, password_hash) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    SET_ENABLED = "UPDATE users SET enabled = ?3, updated_at = ?4 WHERE tenant_id = ?1 AND id = ?2";
}

fn create(access: &Access<'_>, user: &User, password_hash: Option<&SecretText>) -> StorageResult<()> {
    let row = params![
        access.tenant(),
        user.id.as_uuid().into_bytes(),
        user.username,
        to_json(&user.claims)?,
        to_json(&user.groups)?,
        user.is_admin,
        user.enabled,
        user.pseudonym.as_bytes(),
        user.created_at.as_micros(),
        user.updated_at.as_micros(),
        normalize_username(&user.username),
        password_hash.map(SecretText::expose),
    ];
    taken(access.execute(CREATE, row), || "user name".to_owned())?;
    Ok(())
}

#[async_trait]
impl UserStore for SqliteTenant {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<User>> {
        self.read(move |access| {
            let key = params![access.tenant(), id.as_uuid().into_bytes()];
            access.find(LOAD, key, |row| rows::user(row))
        })
        .await
    }

    async fn load_login(&self, normalized_username: &str) -> StorageResult<Option<LoginRecord>> {
        let name = normalized_username.to_owned();
        self.read(move |access| {
            access.find(LOAD_LOGIN, params![access.tenant(), name], |row| {
                rows::login_record(row)
            })
        })
        .await
    }

    async fn list_users(&self, page: &Page) -> StorageResult<Vec<User>> {
        let (after, limit) = super::window(page);
        self.read(move |access| {
            access.list(LIST, params![access.tenant(), after, limit], |row| {
                rows::user(row)
            })
        })
        .await
    }

    async fn create_user(
        &self,
        user: &User,
        password_hash: Option<&SecretText>,
        effects: Effects,
    ) -> StorageResult<()> {
        let (user, password_hash) = (user.clone(), password_hash.cloned());
        self.write(move |access| {
            create(access, &user, password_hash.as_ref())?;
            effects::store(access, &effects)
        })
        .await
    }

    async fn set_user_enabled(
        &self,
        id: UserId,
        enabled: bool,
        now: Timestamp,
        effects: Effects,
    ) -> StorageResult<bool> {
        self.write(move |access| {
            let row = params![
                access.tenant(),
                id.as_uuid().into_bytes(),
                enabled,
                now.as_micros()
            ];
            let changed = access.execute(SET_ENABLED, row)?;
            access.store_if(changed > 0, &effects)
        })
        .await
    }
}
