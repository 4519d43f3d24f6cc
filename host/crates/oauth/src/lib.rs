//! OAuth 2.1 and OpenID Connect: the protocol, as use cases over ports.
//!
//! Nothing here knows HTTP, SQL or WebAssembly. Handlers parse, call one function of this crate, and render.
//! Every rule is one function with one citation; a checked value has a type that only its check can make.

pub mod authorize;
pub mod interaction;
pub mod issuer;
pub mod params;
pub mod provider;
pub mod scopes;
pub mod settings;

pub use issuer::Issuer;
pub use params::Params;
pub use provider::Provider;
pub use settings::{PkcePolicy, Settings};
