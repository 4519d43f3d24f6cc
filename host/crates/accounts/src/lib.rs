//! People: their accounts, their passwords, and signing in.
//!
//! - [`PasswordPool`] hashes and verifies passwords, on threads and in memory of its own.
//! - [`Login`] authenticates a person, throttled by account and by address.
//! - [`Devices`] knows the browsers in which a person signed in before.
//! - [`users`] makes, changes and ends accounts, and says what may be in one.
//! - [`PasswordPolicy`] says what may become a password.
//!
//! No HTTP, no cookies, no SQL here: sessions are started by whoever answers the browser.

mod argon;
mod claims;
pub mod devices;
pub mod login;
pub mod passwords;
pub mod policy;
mod pool;
pub mod throttle;
pub mod users;

pub use claims::ClaimError;
pub use devices::Devices;
pub use login::{
    ChangePasswordError, Credentials, Login, LoginError, OwnPassword, RenewedPassword, SignedIn,
};
pub use passwords::{NewPasswordError, PasswordError, PasswordPool};
pub use policy::{PasswordPolicy, PasswordRefusal};
pub use throttle::ThrottlePolicies;
pub use users::{CreateUserError, NewUser, Origin, Registration, create_user, register_user};
