//! THE table: one row per route, with everything that is decided about it.
//!
//! Each room keeps the rows of its handlers, as `ROWS`; here they come together. The router and each route's policy are
//! generated from the rows ([`router`](super::router)), so a route without a policy cannot exist, and a test can walk
//! them all ([`table`]).

pub mod account;
pub mod assets;
pub mod demo;
pub mod oauth;
pub mod oidc;
pub mod ops;
mod row;
pub mod users;

use axum::http::Method;

pub use self::row::{Audit, Auth, Cache, Cors, Csrf, Mount, Route, Surface, Throttle, When};
use super::router::handle;

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];

/// A form of OAuth parameters: a signed request or assertion is the largest of them.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// A form of our own pages: the longest password, percent-encoded, beside two tokens.
const PAGE_FORM_BYTES_MAX: usize = 16 * 1024;
/// A request that carries nothing.
const EMPTY: usize = 0;

/// Every route.
pub fn table() -> impl Iterator<Item = &'static Route> + Clone {
    ROOMS.iter().copied().flatten()
}

/// Every room that has routes.
static ROOMS: &[&[Route]] = &[
    oauth::ROWS,
    oidc::ROWS,
    account::ROWS,
    users::ROWS,
    assets::ROWS,
    demo::ROWS,
    ops::ROWS,
];
