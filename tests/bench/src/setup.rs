//! What a row needs before it can be measured: a server with a client, people and plugins.

mod plugins;
mod stage;

pub use stage::{Backend, SCOPE, Stage, text};
