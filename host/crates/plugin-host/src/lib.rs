//! Authly's plugin host: WebAssembly components that shape what the server does, replaced while it runs.
//!
//! * A call gets a fresh instance, with limits on everything it may use ([`Limits`]), and is thrown away.
//! * Storage says what runs ([`authly_core::plugin::DesiredPlugin`]); the watched directory only proposes. A candidate
//!   is checked whole before it serves, and until then, and whenever it fails, the one before goes on.
//! * What a plugin may touch is decided by the operator's [`Policy`], which the toml beside a component can only
//!   narrow, and enforced at each call.
//!
//! Nothing else in the server knows the engine.

mod aot;
mod call;
mod check;
mod engine;
mod error;
mod generation;
mod host;
mod imports;
mod limits;
mod manifest;
mod mapper;
mod observer;
mod patch;
mod policy;
mod registry;
mod reload;
mod status;
mod text;
mod versions;

pub use aot::CacheOptions;
pub use engine::{Allocator, AllocatorChoice};
pub use error::{CallError, PluginFailure, Refusal, StartError};
pub use host::{Options, PluginHost};
pub use limits::{LimitHit, Limits};
pub use observer::{CallOutcome, CallReport, LoadEvent, LogLevel, LogLine, PluginId, PluginObserver};
pub use patch::PatchError;
pub use policy::{ClaimGrantError, ClaimGrants, PluginPolicy, Policy};
pub use reload::{Proposal, ProposalOutcome, candidate_digest};
pub use status::{HostStatus, PluginStatus};
