//! The one client through which the server asks others: for a client's keys today.
//!
//! Whoever may register a URL could make the server ask for them what they cannot reach themselves (SSRF). So:
//! - only https, but for addresses that the operator exempted;
//! - the address that was checked is the address that is dialled: names are resolved here, once, and filtered ([`address`]);
//! - no redirect is followed, no proxy used, no cookie kept, nothing decompressed;
//! - every answer has a size and a time limit, and only so many are under way at once.

pub mod address;
mod client;
mod resolver;

pub use client::{Egress, EgressError, EgressPolicy};
pub use resolver::{Lookup, SystemLookup};
