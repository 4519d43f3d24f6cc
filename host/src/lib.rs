//! Authly: an OAuth 2.1 and OpenID Connect server whose policies are hot-swapped WebAssembly components.

pub mod app;
pub mod cli;
pub mod config;
pub mod jobs;
pub mod secrets;
pub mod telemetry;
pub mod web;
