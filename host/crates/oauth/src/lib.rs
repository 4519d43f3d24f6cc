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

/// An error and all its causes, for one log line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
