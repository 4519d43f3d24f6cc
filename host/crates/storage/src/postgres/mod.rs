//! The PostgreSQL backend (15 and later): many stateless nodes on one database.
//!
//! Entered through `open(&DatabaseConfig, Sealer)` and `migrate(&DatabaseConfig)`, as `sqlite` is.
