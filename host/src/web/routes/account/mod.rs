//! The pages people meet on their way through an authorization: sign-in and consent.

pub mod consent;
mod cookies;
pub mod login;
mod outcome;

pub use cookies::{BrowserCookies, set_binding};
pub use outcome::{PageRequest, go, log_storage_failure, show};
