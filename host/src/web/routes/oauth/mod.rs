//! `/api/v1/oauth/*`.

pub mod authorize;
pub mod token;
