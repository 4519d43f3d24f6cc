//! `authly admin …`: the same use cases as the server, on the same database, while it runs or not. A running server
//! learns of every change through the invalidations that are written with it.
//!
//! They change what is in the database, never its schema: an older release may be serving from it. In `--dev` they
//! do both, as `serve --dev` does.

mod client;
mod key;
mod scope;
mod session;
mod user;

pub(super) use self::{
    client::ClientCommand, key::KeyCommand, scope::ScopeCommand, session::SessionCommand, user::UserCommand,
};
use super::{args::AdminCommand, console::Console, failure::Failure, runtime, serve::start_failure};
use crate::{
    app::{self, World},
    config::Config,
};

/// Runs one of them.
pub(super) fn run(console: &mut Console<'_>, command: AdminCommand, config: &Config) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let world = World::system();
        let opened = if config.dev {
            app::open(config, &world).await
        } else {
            app::open_current(config, &world).await
        };
        let storage = opened.map_err(start_failure)?.tenant;
        match command {
            AdminCommand::Client(command) => client::run(console, command, storage.as_ref()).await,
            AdminCommand::Key(command) => key::run(console, command, storage.as_ref(), config).await,
            AdminCommand::Scope(command) => scope::run(console, command, storage.as_ref()).await,
            AdminCommand::Session(command) => session::run(console, command, storage.as_ref()).await,
            AdminCommand::User(command) => user::run(console, command, storage.as_ref(), config).await,
        }
    })
}
