//! What may be typed. The names are relied on by scripts: they change by ADR and CHANGELOG only.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::{
    admin::{ClientCommand, KeyCommand, ScopeCommand, SessionCommand, UserCommand},
    failure::Failure,
};
use crate::config::{Sources, all_keys};

/// The variable that names the configuration file where no flag does.
const CONFIG_VARIABLE: &str = "AUTHLY_CONFIG";

/// An OAuth 2.1 and OpenID Connect server whose policies are WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(
    name = "authly",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Where the configuration is. On every command, so that all of them speak of the same server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigArgs {
    /// The configuration file (TOML); also from the variable AUTHLY_CONFIG.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Runs with nothing configured, on loopback only: state under ~/.local/state/authly, demo data, /demo.
    #[arg(long, global = true)]
    dev: bool,
    /// Sets one configuration key; wins over file and environment. Not for secrets.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl ConfigArgs {
    /// The layers to load from.
    pub fn sources(&self, env: Vec<(OsString, OsString)>) -> Result<Sources, Failure> {
        let mut sources = Sources {
            env,
            dev: self.dev,
            ..Sources::default()
        };
        sources.file = self.config.clone().or_else(|| sources.env_path(CONFIG_VARIABLE));
        for setting in &self.set {
            let Some((key, value)) = setting.split_once('=') else {
                let message = format!("--set {setting}: write KEY=VALUE, such as --set log.level=debug");
                return Err(Failure::usage(message));
            };
            if all_keys()
                .iter()
                .any(|known| known.secret && known.matches(key.trim()))
            {
                // Every process of the machine can read the command line of every other.
                return Err(Failure::usage(format!(
                    "--set {}=…: a secret on the command line can be read by other processes; set it in the \
                     environment or name a file with --set {}_file=PATH",
                    key.trim(),
                    key.trim()
                )));
            }
            sources.flags.push((
                key.trim().to_owned(),
                format!("--set {}", key.trim()),
                value.to_owned(),
            ));
        }
        Ok(sources)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Starts the server.
    Serve(ServeArgs),
    /// Brings the database to the schema of this version.
    Migrate(MigrateArgs),
    /// Checks and shows the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manages clients, scopes, users, sessions and signing keys, while the server runs or not.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Prints a completion script: authly completions bash > /etc/bash_completion.d/authly
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// `authly serve`
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The issuer: the URL under which clients and browsers reach this server.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl ServeArgs {
    /// Puts the flags that were given above every other layer.
    pub fn add_flags(&self, sources: &mut Sources) {
        for (key, value) in [("listen", &self.listen), ("issuer", &self.issuer)] {
            if let Some(value) = value {
                sources
                    .flags
                    .push((key.to_owned(), format!("--{key}"), value.clone()));
            }
        }
    }
}

/// `authly migrate`
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Changes nothing; exits with 1 when migrations are missing.
    #[arg(long)]
    pub check: bool,
}

/// `authly config …`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Reports every fault of the configuration, or says that there is none.
    Check,
    /// Prints each value and where it came from; secrets are hidden.
    Show {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Prints the reference of every key, in Markdown.
    Reference,
}

/// `authly admin …`
#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Registers, changes and lists clients.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Lists and rotates signing keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Defines, changes and lists scopes.
    #[command(subcommand)]
    Scope(ScopeCommand),
    /// Lists and ends browser sessions.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Makes, changes and lists accounts.
    #[command(subcommand)]
    User(UserCommand),
}

/// How to print a result.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct OutputArgs {
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// The forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Which part of a listing.
#[derive(Clone, Debug, Args)]
pub(super) struct PageArgs {
    /// Lists what comes after this key.
    #[arg(long, value_name = "KEY")]
    pub after: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
}
