//! What happens around handlers: [`edge`] around everything, [`policy`] around each route by its row.

pub mod access_log;
pub mod body;
pub mod cache;
pub mod client_ip;
pub mod cors;
pub mod csrf;
pub mod edge;
pub mod policy;
pub mod rate_limit;
pub mod request_id;
pub mod security_headers;
#[cfg(test)]
mod tests;
