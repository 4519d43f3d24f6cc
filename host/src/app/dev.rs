//! What `--dev` adds: a client, two people and a plugin to try everything with. Never in production.

use std::{fs, io, path::Path, sync::Arc};

use authly_accounts::{CreateUserError, NewUser, PasswordPool, create_user};
use authly_core::{
    ClientId, PlainToken, SecretText, StorageError, ports::TenantStorage, user::normalize_username,
};
use authly_oauth::{
    Issuer,
    clients::{CreateClientError, NewClient, create_client},
};
use serde_json::{Map, Value, json};

use super::World;
use crate::{config::Config, web::pages::DemoView};

/// The demo's public client at the usual address.
pub const DEMO_CLIENT: &str = "demo";
/// The issuer whose demo client is called [`DEMO_CLIENT`].
const USUAL_ISSUER: &str = "http://localhost:8000";
/// The demo's person.
pub const DEMO_USER: &str = "demo";
/// The demo's administrator.
pub const DEMO_ADMIN: &str = "admin";
/// What the demo asks for.
pub const DEMO_SCOPE: &str = "openid profile email offline_access";

/// The shipped plugin; empty when the binary was built without `make plugins`.
const PLUGIN_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/attribute_claims.wasm"));
const PLUGIN_TOML: &str = include_str!("../../../plugins/attribute-claims/attribute-claims.toml");
const PLUGIN_NAME: &str = "attribute-claims";

/// Why the demo cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// The database did not answer.
    #[error("cannot look up the demo's client and people")]
    Storage(#[from] StorageError),
    /// The demo's client was refused.
    #[error("cannot register the demo's client")]
    Client(#[from] CreateClientError),
    /// A demo person was refused.
    #[error("cannot make the demo's people")]
    User(#[from] CreateUserError),
    /// The plugin's files cannot be written.
    #[error("cannot write the demo's plugin into {dir}")]
    Plugin {
        /// `plugins.dir`.
        dir: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// What was made at this start and is printed once. Passwords are not stored anywhere in clear.
#[derive(Debug, Default)]
pub struct DevSeed {
    /// The demo person's password, when the account was made just now.
    pub user_password: Option<SecretText>,
    /// The administrator's password, when the account was made just now.
    pub admin_password: Option<SecretText>,
    /// Whether the shipped plugin is part of this binary.
    pub has_plugin: bool,
}

/// The demo's client at this address. A redirect URI names the port, so a server on another one has a client of its own
/// instead of breaking the one that is there.
fn client_id(issuer: &Issuer) -> String {
    if issuer.as_str() == USUAL_ISSUER {
        return DEMO_CLIENT.to_owned();
    }
    let address = issuer
        .as_str()
        .trim_start_matches("http://")
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    format!("{DEMO_CLIENT}-{address}")
}

/// What the demo's page shows.
pub(super) fn view(config: &Config, issuer: &Issuer) -> DemoView {
    DemoView {
        issuer: issuer.as_str().to_owned(),
        client_id: client_id(issuer),
        redirect_uri: issuer.url("/demo/callback"),
        scope: DEMO_SCOPE.to_owned(),
        plugins_dir: config.plugins.dir.as_ref().map(|dir| dir.display().to_string()),
        username: DEMO_USER.to_owned(),
    }
}

/// Makes what is missing and leaves alone what is there.
pub(super) async fn seed(
    config: &Config,
    issuer: &Issuer,
    tenant: &Arc<dyn TenantStorage>,
    passwords: &Arc<PasswordPool>,
    world: &World,
) -> Result<DevSeed, DevError> {
    if let Some(dir) = &config.plugins.dir {
        write_plugin(dir).map_err(|source| DevError::Plugin {
            dir: dir.display().to_string(),
            source,
        })?;
    }
    seed_client(issuer, tenant, world).await?;
    let person = NewUser {
        username: DEMO_USER.to_owned(),
        claims: claims(&json!({
            "name": "Dana Demo", "given_name": "Dana", "family_name": "Demo", "email": "dana@example.com",
            "email_verified": true, "department": "Research",
        })),
        groups: vec!["staff".to_owned(), "research".to_owned()],
        ..NewUser::default()
    };
    let admin = NewUser {
        username: DEMO_ADMIN.to_owned(),
        claims: claims(&json!({ "name": "Ada Admin" })),
        is_admin: true,
        ..NewUser::default()
    };
    Ok(DevSeed {
        user_password: seed_user(person, tenant, passwords, world).await?,
        admin_password: seed_user(admin, tenant, passwords, world).await?,
        has_plugin: !PLUGIN_WASM.is_empty(),
    })
}

fn claims(object: &Value) -> Map<String, Value> {
    object.as_object().cloned().unwrap_or_default()
}

async fn seed_client(
    issuer: &Issuer,
    tenant: &Arc<dyn TenantStorage>,
    world: &World,
) -> Result<(), DevError> {
    let Ok(id) = ClientId::parse(&client_id(issuer)) else {
        return Ok(());
    };
    if tenant.load_client(&id).await?.is_some() {
        return Ok(());
    }
    let new = NewClient {
        id: Some(id.to_string()),
        name: Some("Authly demo".to_owned()),
        redirect_uris: vec![issuer.url("/demo/callback")],
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        scopes: DEMO_SCOPE.split(' ').map(str::to_owned).collect(),
        token_endpoint_auth_method: Some("none".to_owned()),
        client_uri: Some(issuer.url("/demo")),
        ..NewClient::default()
    };
    create_client(tenant.as_ref(), new, world.clock.now(), world.rng.as_ref()).await?;
    Ok(())
}

async fn seed_user(
    mut new: NewUser,
    tenant: &Arc<dyn TenantStorage>,
    passwords: &Arc<PasswordPool>,
    world: &World,
) -> Result<Option<SecretText>, DevError> {
    if tenant
        .load_login(&normalize_username(&new.username))
        .await?
        .is_some()
    {
        return Ok(None);
    }
    let password = SecretText::new(
        PlainToken::generate(world.rng.as_ref())
            .expose()
            .chars()
            .take(20)
            .collect(),
    );
    new.password = Some(password.clone());
    create_user(
        tenant.as_ref(),
        passwords,
        new,
        world.clock.now(),
        world.rng.as_ref(),
    )
    .await?;
    Ok(Some(password))
}

/// Puts the shipped plugin where an operator would, unless either file is there: what somebody edited stays.
fn write_plugin(dir: &Path) -> io::Result<()> {
    let (wasm, toml) = (
        dir.join(format!("{PLUGIN_NAME}.wasm")),
        dir.join(format!("{PLUGIN_NAME}.toml")),
    );
    fs::create_dir_all(dir)?;
    if !toml.exists() {
        fs::write(&toml, PLUGIN_TOML)?;
    }
    if !wasm.exists() && !PLUGIN_WASM.is_empty() {
        fs::write(&wasm, PLUGIN_WASM)?;
    }
    Ok(())
}
