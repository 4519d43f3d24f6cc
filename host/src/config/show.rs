//! What `config show` prints: every value that counts and where it came from; secrets hidden.

use serde::Serialize;
use url::Url;

use super::{
    all_keys,
    key::Key,
    layers::{Layers, Raw},
};

/// What stands where a secret is.
const HIDDEN: &str = "(hidden)";

/// One effective value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownValue {
    /// The key's path.
    pub key: String,
    /// Its value as text; secrets are hidden.
    pub value: String,
    /// Where it came from.
    pub origin: String,
}

/// Every value that is set or has a default, in the order of the reference.
pub fn shown_values(layers: &Layers) -> Vec<ShownValue> {
    let mut shown = Vec::new();
    for key in all_keys() {
        let secret_file = format!("{}_file", key.path);
        for (path, entry) in layers.iter() {
            let is_file = key.secret && path == secret_file;
            if !is_file && !key.matches(path) {
                continue;
            }
            let value = if key.secret && !is_file {
                redacted(key, &entry.raw)
            } else {
                text_of(&entry.raw)
            };
            shown.push(ShownValue {
                key: path.to_owned(),
                value,
                origin: entry.origin.to_string(),
            });
        }
    }
    shown
}

fn text_of(raw: &Raw) -> String {
    match raw {
        Raw::Untyped(text) | Raw::String(text) => text.clone(),
        Raw::Integer(number) => number.to_string(),
        Raw::List(items) => items.join(", "),
        Raw::Foreign(what) => format!("({what})"),
    }
}

/// A database URL is secret for its password only; the rest says which database it is.
fn redacted(key: &Key, raw: &Raw) -> String {
    let text = text_of(raw);
    if key.path != "database.url" {
        return HIDDEN.to_owned();
    }
    if text.starts_with("sqlite:") {
        return text;
    }
    let Ok(mut url) = Url::parse(&text) else {
        return HIDDEN.to_owned();
    };
    // A query may hold a password as well (libpq's `?password=`).
    url.set_query(None);
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return HIDDEN.to_owned();
    }
    url.to_string()
}
