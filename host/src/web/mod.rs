//! HTTP serving, and the only place that knows it: connections, routes, policies, parsing and rendering.
//!
//! A request passes [`server`] (limits of the connection) → [`middleware::edge`] (request id, client address, access
//! log, security headers) → [`middleware::policy`] (what the route's row in [`routes`] says: CORS, CSRF, body limit,
//! deadline, cache) → a handler (parse, one call, render) → [`respond`] or [`error`].

pub mod address;
pub mod error;
pub mod extract;
pub mod middleware;
pub mod pages;
pub mod respond;
pub mod router;
pub mod routes;
pub mod server;
pub mod state;

pub use error::Failure;
pub use router::{Answers, router};
pub use server::{Drained, Server, ServerLimits};
pub use state::{AppState, SharedState};

#[cfg(test)]
mod tests;
