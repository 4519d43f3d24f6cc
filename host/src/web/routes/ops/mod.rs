//! What operators and their probes use.

pub mod health;
pub mod metrics;
