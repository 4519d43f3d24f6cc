//! The configuration: gathered from layers, checked once, then passed by value. One file per section.
//!
//! Defaults < `--dev` < FILE (TOML) < environment `AUTHLY__SECTION__KEY` < flags. Every fault is found and reported
//! at once, with where it is and what to write. Nothing here reads the process environment; the caller hands it in.

mod accounts;
mod database;
mod egress;
mod file;
mod key;
mod keys;
mod layers;
mod log;
mod login;
mod oauth;
mod plugins;
mod problem;
mod reader;
mod reference;
mod server;
mod show;
mod top;
mod units;

use authly_egress::EgressPolicy;
use authly_jose::RotationPolicy;
use authly_oauth::{issuer::Issuer, settings::Settings};
use authly_storage::DatabaseConfig;
use std::net::SocketAddr;

use self::reader::Reader;
pub use self::{
    accounts::AccountsConfig,
    key::{Key, Kind},
    layers::{Entry, Layers, Raw, Sources},
    log::{LogConfig, LogFormat},
    login::LoginConfig,
    plugins::PluginsConfig,
    problem::{ConfigErrors, Origin, Problem},
    reference::render_reference,
    server::ServerConfig,
    show::{ShownValue, shown_values},
    units::{duration_text, parse_duration},
};
use crate::secrets::EncryptionKey;

/// Everything an operator chose, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `--dev`: a demo on loopback with pages that production does not have.
    pub dev: bool,
    /// `iss` and the base of every URL.
    pub issuer: Issuer,
    /// Whether nobody chose the issuer, so that it follows the address the server came to listen on (`--dev` only).
    pub issuer_follows_listen: bool,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `[database]`.
    pub database: DatabaseConfig,
    /// `keys.encryption_key`; [`secrets::encryption_key`](crate::secrets::encryption_key) gives the bytes.
    pub encryption_key: EncryptionKey,
    /// When signing keys follow one another.
    pub key_rotation: RotationPolicy,
    /// `[plugins]`.
    pub plugins: PluginsConfig,
    /// `[server]`.
    pub server: ServerConfig,
    /// `[egress]`.
    pub egress: EgressPolicy,
    /// `[oauth]`.
    pub oauth: Settings,
    /// `[accounts]`.
    pub accounts: AccountsConfig,
    /// `[login]`.
    pub login: LoginConfig,
    /// `[log]`.
    pub log: LogConfig,
}

/// A checked configuration and the values it was made from, with their origins.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Checked.
    pub config: Config,
    /// For `config show`.
    pub layers: Layers,
}

impl Config {
    /// The issuer once the server listens: in `--dev` without a chosen issuer, the address it came to listen on.
    pub fn issuer_at(&self, bound: SocketAddr) -> Issuer {
        if !self.issuer_follows_listen {
            return self.issuer.clone();
        }
        let followed = format!("{}{}", top::dev_issuer(bound), self.issuer.path());
        Issuer::parse(&followed).unwrap_or_else(|_| self.issuer.clone())
    }
}

/// Every key there is, in the order of the reference.
pub fn all_keys() -> Vec<&'static Key> {
    [
        top::KEYS,
        database::KEYS,
        keys::KEYS,
        oauth::KEYS,
        accounts::KEYS,
        login::KEYS,
        egress::KEYS,
        plugins::KEYS,
        server::KEYS,
        log::KEYS,
    ]
    .concat()
}

/// Gathers and checks a configuration.
///
/// # Errors
/// [`ConfigErrors`] with every fault that was found.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigErrors> {
    let mut problems = Vec::new();
    let mut layers = Layers::gather(sources, &all_keys(), &mut problems);
    let state_dir = sources
        .dev
        .then(|| top::dev_defaults(sources, &mut layers, &mut problems))
        .flatten();
    let mut reader = Reader::new(&layers, problems);
    let top = top::check(&mut reader, sources.dev);
    let database = database::check(&mut reader);
    let encryption_key = keys::check(&mut reader, sources.dev, state_dir.as_deref());
    let key_rotation = keys::check_rotation(&mut reader);
    let accounts = accounts::check(&mut reader);
    let oauth = oauth::check(&mut reader, accounts);
    let login = login::check(&mut reader);
    let egress = egress::check(&mut reader);
    let plugins = plugins::check(&mut reader);
    let server = server::check(&mut reader);
    let log = log::check(&mut reader);
    let problems = reader.into_problems();
    match (top, database, encryption_key) {
        (Some(top), Some(database), Some(encryption_key)) if problems.is_empty() => {
            let config = Config {
                dev: sources.dev,
                issuer: top.issuer,
                issuer_follows_listen: top.issuer_follows_listen,
                listen: top.listen,
                database,
                encryption_key,
                key_rotation,
                plugins,
                server,
                egress,
                oauth,
                accounts,
                login,
                log,
            };
            Ok(Loaded { config, layers })
        }
        _ => Err(ConfigErrors(problems)),
    }
}

#[cfg(test)]
mod tests;
