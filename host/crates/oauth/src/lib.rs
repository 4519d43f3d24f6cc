//! OAuth 2.1 and OpenID Connect: the protocol, as use cases over ports.
//!
//! Nothing here knows HTTP, SQL or WebAssembly. Handlers parse, call one function of this crate, and render.
//! Every rule is one function with one citation; a checked value has a type that only its check can make.

mod access_token;
pub mod account;
pub mod acr;
pub mod authorize;
pub mod bearer;
mod claims;
pub mod client_auth;
pub mod clients;
pub mod discovery;
pub mod grants;
mod id_token;
pub mod id_token_hint;
pub mod interaction;
pub mod introspect;
pub mod issuer;
pub mod logout;
pub mod params;
mod presented;
pub mod provider;
mod refresh;
pub mod revoke;
pub mod scope_registry;
pub mod scopes;
pub mod session;
pub mod session_ends;
pub mod settings;
mod subject;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod token;
pub mod userinfo;

pub use issuer::Issuer;
pub use params::Params;
pub use provider::Provider;
pub use settings::{PkcePolicy, Settings};
