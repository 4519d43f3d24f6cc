//! What tests are made of: a clock that moves by hand, repeatable randomness, a throw-away PostgreSQL, the whole server
//! over HTTP, a browser without JavaScript, and the real binary in a process of its own.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "a test that cannot go on stops at once and says where"
)]

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "site")]
pub mod browser;
#[cfg(feature = "site")]
pub mod client;
pub mod clock;
#[cfg(feature = "guests")]
pub mod guests;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
pub mod process;
pub mod random;
#[cfg(feature = "app")]
pub mod routes;
#[cfg(feature = "site")]
pub mod site;

#[cfg(feature = "app")]
pub use app::TestApp;
#[cfg(feature = "app")]
pub use routes::TestRoutes;
#[cfg(feature = "site")]
pub use site::{Site, TestClient, TestUser};
