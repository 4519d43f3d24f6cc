//! People's accounts.

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    Effects, SecretText, Timestamp, UserId,
    ports::{
        Ended, Page, PasswordChange, PasswordEnds, PasswordOutcome, StorageResult, UpdateOutcome, UserStore,
    },
    user::{LoginRecord, User, normalize_username},
};
use rusqlite::params;

use super::{
    SqliteTenant,
    access::{Access, statements, taken},
    effects, grants, sessions,
};
use crate::{
    codec::to_json,
    rows::{self, user_columns},
    rules::update_outcome,
};

statements! {
    LOAD = "SELECT ", user_columns!(), " FROM users WHERE tenant_id = ?1 AND id = ?2";
    LOAD_LOGIN = "SELECT ", user_columns!(), ", password_hash FROM users \
        WHERE tenant_id = ?1 AND normalized_username = ?2";
    LIST = "SELECT ", user_columns!(), " FROM users WHERE tenant_id = ?1 AND normalized_username > ?2 \
        ORDER BY normalized_username LIMIT ?3";
    CREATE = "INSERT INTO users (tenant_id, ", user_columns!(), ", normalized_username, password_hash) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    LOAD_CREDENTIALS = "SELECT ", user_columns!(), ", password_hash FROM users WHERE tenant_id = ?1 AND id = ?2";
    UPDATE = "UPDATE users SET username = ?3, claims = ?4, group_names = ?5, is_admin = ?6, enabled = ?7, \
        updated_at = ?8, verified = ?9, requires_password_change = ?10, normalized_username = ?11, \
        version = version + 1 WHERE tenant_id = ?1 AND id = ?2 AND version = ?12";
    EXISTS = "SELECT 1 FROM users WHERE tenant_id = ?1 AND id = ?2";
    SET_PASSWORD = "UPDATE users SET password_hash = ?3, password_changed_at = ?4, updated_at = ?4, \
        requires_password_change = ?5, version = version + 1 \
        WHERE tenant_id = ?1 AND id = ?2 AND (?6 IS NULL OR password_hash = ?6)";
    LIVING_GRANTS = "SELECT id FROM grants WHERE tenant_id = ?1 AND user_id = ?2 AND revoked_at IS NULL";
    // Sessions, consents and grants go with it; codes and tokens are nothing without their grant.
    DELETE = "DELETE FROM users WHERE tenant_id = ?1 AND id = ?2";
    SET_ENABLED = "UPDATE users SET enabled = ?3, updated_at = ?4, version = version + 1 WHERE tenant_id = ?1 AND id = ?2";
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
        user.verified,
        user.requires_password_change,
        user.password_changed_at.map(Timestamp::as_micros),
        user.last_login_at.map(Timestamp::as_micros),
        user.version,
        normalize_username(&user.username),
        password_hash.map(SecretText::expose),
    ];
    taken(access.execute(CREATE, row), || "user name".to_owned())?;
    Ok(())
}

fn update(access: &Access<'_>, user: &User) -> StorageResult<UpdateOutcome> {
    let row = params![
        access.tenant(),
        user.id.as_uuid().into_bytes(),
        user.username,
        to_json(&user.claims)?,
        to_json(&user.groups)?,
        user.is_admin,
        user.enabled,
        user.updated_at.as_micros(),
        user.verified,
        user.requires_password_change,
        normalize_username(&user.username),
        user.version,
    ];
    let updated = taken(access.execute(UPDATE, row), || "user name".to_owned())? > 0;
    Ok(update_outcome(updated, updated || exists(access, user.id)?))
}

fn exists(access: &Access<'_>, id: UserId) -> StorageResult<bool> {
    let key = params![access.tenant(), id.as_uuid().into_bytes()];
    Ok(access.find(EXISTS, key, |_| Ok(()))?.is_some())
}

fn set_password(
    access: &Access<'_>,
    change: &PasswordChange,
    effects: &Effects,
) -> StorageResult<PasswordOutcome> {
    let row = params![
        access.tenant(),
        change.user_id.as_uuid().into_bytes(),
        change.hash.expose(),
        change.now.as_micros(),
        change.requires_password_change,
        change.replaces.as_ref().map(SecretText::expose),
    ];
    if access.execute(SET_PASSWORD, row)? == 0 {
        return Ok(if exists(access, change.user_id)? {
            PasswordOutcome::Stale
        } else {
            PasswordOutcome::Unknown
        });
    }
    let ended = match change.ends {
        PasswordEnds::Others { keep } => Ended {
            sessions: sessions::end_all(access, change.user_id, keep, change.now)?,
            grants: grants::revoke_all(access, change.user_id, change.now)?,
        },
        PasswordEnds::Nothing => Ended::default(),
    };
    effects::store(access, effects)?;
    Ok(PasswordOutcome::Changed(ended))
}

/// The account.
pub(super) fn find(access: &Access<'_>, id: UserId) -> StorageResult<Option<User>> {
    let key = params![access.tenant(), id.as_uuid().into_bytes()];
    access.find(LOAD, key, |row| rows::user(row))
}

#[async_trait]
impl UserStore for SqliteTenant {
    async fn load_user(&self, id: UserId) -> StorageResult<Option<Arc<User>>> {
        let found = self.look_up(move |access| find(access, id)).await?;
        Ok(found.map(Arc::new))
    }

    async fn load_login(&self, normalized_username: &str) -> StorageResult<Option<LoginRecord>> {
        let name = normalized_username.to_owned();
        self.look_up(move |access| {
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

    async fn load_credentials(&self, id: UserId) -> StorageResult<Option<LoginRecord>> {
        self.look_up(move |access| {
            let key = params![access.tenant(), id.as_uuid().into_bytes()];
            access.find(LOAD_CREDENTIALS, key, |row| rows::login_record(row))
        })
        .await
    }

    async fn update_user(&self, user: &User, effects: Effects) -> StorageResult<UpdateOutcome> {
        let user = user.clone();
        self.write(move |access| {
            let outcome = update(access, &user)?;
            access.store_if(outcome == UpdateOutcome::Updated, &effects)?;
            Ok(outcome)
        })
        .await
    }

    async fn set_password(&self, change: PasswordChange, effects: Effects) -> StorageResult<PasswordOutcome> {
        self.write(move |access| set_password(access, &change, &effects))
            .await
    }

    async fn delete_user(&self, id: UserId, effects: Effects) -> StorageResult<bool> {
        self.write(move |access| {
            let key = params![access.tenant(), id.as_uuid().into_bytes()];
            grants::tell_each(access, LIVING_GRANTS, key)?;
            let deleted = access.execute(DELETE, key)?;
            access.store_if(deleted > 0, &effects)
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
