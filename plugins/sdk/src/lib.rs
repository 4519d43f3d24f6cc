//! Write plugins for Authly in Rust.
//!
//! A plugin is a type that implements [`ClaimMapper`], handed to [`export!`]:
//!
//! ```no_run
//! use authly_plugin_sdk::{Changes, ClaimMapper, Description, Input, PluginError};
//!
//! struct Tier;
//!
//! impl ClaimMapper for Tier {
//!     type Config = authly_plugin_sdk::NoConfig;
//!
//!     fn describe() -> Description {
//!         Description::new("tier", "Tier", "1.0.0")
//!     }
//!
//!     fn map_claims(input: &Input, _: &Self::Config, changes: &mut Changes) -> Result<(), PluginError> {
//!         if input.client.first_party {
//!             changes.set(&["access-token"], "https://example.com/tier", "internal");
//!         }
//!         Ok(())
//!     }
//! }
//!
//! authly_plugin_sdk::export!(Tier);
//! # fn main() {}
//! ```
//!
//! Build it as a `cdylib` with `cargo build --release --target wasm32-wasip2`: the result is a component.

mod changes;
mod config;
mod describe;
mod export;
mod log;
mod mapper;

/// The generated bindings, for what the SDK has no words of its own for.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "claim-mapper-plugin",
        pub_export_macro: true,
        default_bindings_module: "authly_plugin_sdk::bindings",
        additional_derives: [Clone],
    });
}

pub use bindings::{
    authly::plugin::{
        log::Level,
        types::{Claim, ClaimValue, Client, PluginError, RequestInfo, Session, Subject, Tenant, User},
    },
    exports::authly::plugin::{claim_mapper::Input, meta::ConfigIssue},
};
pub use changes::Changes;
pub use config::NoConfig;
pub use describe::Description;
pub use log::log;
pub use mapper::ClaimMapper;

#[doc(hidden)]
pub use export::glue;
