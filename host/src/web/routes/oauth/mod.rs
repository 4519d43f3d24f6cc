//! `/api/v1/oauth/*`.

pub mod authorize;
mod credentials;
pub mod introspect;
pub mod refresh;
pub mod revoke;
pub mod token;
