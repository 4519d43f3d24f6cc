//! Log lines.

use crate::{Level, bindings::authly::plugin::log as host};

/// Writes one structured line to the server's log.
pub fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<_> = fields
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    host::log(level, message, &fields);
}
