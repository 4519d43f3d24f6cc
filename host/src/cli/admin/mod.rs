//! `authly admin …`: the same use cases as the server, on the same database, while it runs or not. A running server
//! learns of every change through the invalidations that are written with it.

mod client;
mod user;

pub(super) use self::{client::ClientCommand, user::UserCommand};
use super::{args::AdminCommand, console::Console, failure::Failure, runtime, serve::start_failure};
use crate::{
    app::{self, World},
    config::Config,
};

/// Runs one of them.
pub(super) fn run(console: &mut Console<'_>, command: AdminCommand, config: &Config) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let storage = app::open(config, &World::system())
            .await
            .map_err(start_failure)?
            .tenant;
        match command {
            AdminCommand::Client(command) => client::run(console, command, storage.as_ref()).await,
            AdminCommand::User(command) => user::run(console, command, storage.as_ref(), config).await,
        }
    })
}
