//! The plugin host with real components, built from source, over a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops at once and says where"
)]

mod cache;
mod harness;
mod hostile;
mod interference;
mod nodes;
mod policy;
mod refused;
mod rollback;
mod swap;
