//! What stands beside a row that the database decides: the same commits without a server.

pub mod install;
