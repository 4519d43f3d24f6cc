//! The pages people meet on their way through an authorization, sign-in and consent; their own pages; and signing out.

pub mod consent;
pub mod consents;
mod cookies;
pub mod home;
pub mod login;
pub mod logout;
mod outcome;
mod own;
pub mod select;
pub mod sessions;
pub mod sign_in;

pub use cookies::{BrowserCookies, set_binding};
pub use outcome::{PageRequest, answer_client, go, log_storage_failure, show};
