//! What tests are made of.

#[cfg(feature = "postgres")]
pub mod postgres;
