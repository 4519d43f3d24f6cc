//! The words every room of Authly shares: identifiers, time, randomness, secrets, scopes, the domain's states,
//! what a change leaves behind ([`Effects`]), and the ports through which the use cases reach the world.
//!
//! Pure types and rules. No runtime, HTTP, SQL or WebAssembly here; nothing in this crate reads a clock,
//! a random source or the environment.

pub mod audit;
pub mod authorization;
pub mod claim;
pub mod claims_request;
pub mod client;
pub mod effects;
pub mod grant;
pub mod ids;
pub mod interaction;
pub mod key;
pub mod oauth_error;
pub mod plugin;
pub mod ports;
pub mod random;
pub mod request;
pub mod scope;
pub mod secret;
pub mod session;
pub mod time;
pub mod user;

pub use audit::{AuditAction, AuditEvent};
pub use effects::{Effects, Invalidation, OutboxMessage, Topic};
pub use ids::{ClientId, GrantId, Kid, SessionId, TenantId, UserId};
pub use oauth_error::{ErrorCode, OAuthError};
pub use ports::StorageError;
pub use random::Rng;
pub use request::RequestContext;
pub use scope::{Scope, ScopeSet};
pub use secret::{PlainToken, SecretBytes, SecretText, TokenHash};
pub use time::{Clock, Timestamp};
