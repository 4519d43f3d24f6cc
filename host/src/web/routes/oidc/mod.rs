//! `/oidc/*` and `/.well-known/*`.

pub mod discovery;
pub mod jwks;
pub mod logout;
pub mod session;
pub mod userinfo;
