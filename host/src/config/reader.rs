//! Typed reads of the gathered layers. A fault is noted and reading goes on with the default, so that every fault of
//! a configuration is reported at once.

use std::{path::PathBuf, time::Duration};

use authly_core::SecretText;

use super::{
    key::{Key, Kind},
    layers::{Entry, Layers, Raw},
    problem::{Origin, Problem},
    units,
};
use crate::secrets::{SecretSource, read_secret};

/// Reads values and collects what is wrong with them.
pub struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader of these layers; `problems` are those found while gathering them.
    pub fn new(layers: &'a Layers, problems: Vec<Problem>) -> Self {
        Self { layers, problems }
    }

    /// Everything found so far.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes that the key's value is wrong.
    pub fn complain(&mut self, key: &Key, message: impl Into<String>) {
        self.complain_at(key.path, message);
    }

    /// The same for a path that the operator named.
    pub fn complain_at(&mut self, path: &str, message: impl Into<String>) {
        let origin = self.layers.get(path).map(|entry| entry.origin.clone());
        self.note(path, origin, message.into());
    }

    /// Notes that a required key is missing, and how to write it.
    pub fn complain_missing(&mut self, key: &Key) {
        let secret = if key.secret {
            format!(", or {}_FILE", key.env_name())
        } else {
            String::new()
        };
        let message = format!(
            "is required; write `{}` in the configuration file, or set {}{secret}",
            key.written(),
            key.env_name()
        );
        self.note(key.path, None, message);
    }

    /// Whether any layer sets the key, or, for a secret, the file it is in.
    pub fn is_set(&self, key: &Key) -> bool {
        let file = format!("{}_file", key.path);
        self.layers.get(key.path).is_some() || (key.secret && self.layers.get(&file).is_some())
    }

    /// Notes that a secret is wrong, where it came from: inline or its file.
    pub fn complain_secret(&mut self, key: &Key, message: impl Into<String>) {
        let file = format!("{}_file", key.path);
        let from_file = self.layers.get(key.path).is_none();
        let path = if from_file { file.as_str() } else { key.path };
        self.complain_at(path, message);
    }

    /// A text, if it is set. An empty one counts as not set: that is how an environment variable is taken back.
    pub fn text(&mut self, key: &Key) -> Option<String> {
        match self.layers.get(key.path) {
            Some(Entry {
                raw: Raw::Untyped(text) | Raw::String(text),
                ..
            }) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.complain(key, format!("must be a string; write `{}`", key.written()));
                None
            }
            None => None,
        }
    }

    /// A text that `parse` understands. Its error says what is wrong and what to write.
    pub fn parsed<T, E: ToString>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(key)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(key, format!("`{text}`: {}", error.to_string()));
                None
            }
        }
    }

    /// A path, if it is set.
    pub fn path(&mut self, key: &Key) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// One of the words of a [`Kind::Choice`]; the default when it is none of them.
    pub fn choice(&mut self, key: &Key) -> String {
        let Kind::Choice(words) = key.kind else {
            return String::new();
        };
        let text = self.text(key).unwrap_or_default();
        if words.contains(&text.as_str()) {
            return text;
        }
        self.complain(key, format!("`{text}` is not {}", key.kind));
        key.default.unwrap_or_default().to_owned()
    }

    /// A duration within the key's bounds.
    pub fn duration(&mut self, key: &Key) -> Duration {
        let Kind::Duration { min, max } = key.kind else {
            return Duration::ZERO;
        };
        let read = self.amount(key, units::parse_duration, |d| (min..=max).contains(&d));
        read.or_else(|| units::parse_duration(key.default?).ok())
            .unwrap_or(min)
    }

    /// A size in bytes within the key's bounds.
    pub fn size(&mut self, key: &Key) -> u64 {
        let Kind::Size { min, max } = key.kind else {
            return 0;
        };
        let read = self.amount(key, units::parse_size, |bytes| (min..=max).contains(&bytes));
        read.or_else(|| units::parse_size(key.default?).ok())
            .unwrap_or(min)
    }

    /// The same as the type that counts memory.
    pub fn bytes(&mut self, key: &Key) -> usize {
        usize::try_from(self.size(key)).unwrap_or(usize::MAX)
    }

    /// A whole number within the key's bounds, as whatever integer type the caller needs. The bounds must fit it.
    pub fn integer<T: TryFrom<u64> + Default>(&mut self, key: &Key) -> T {
        let Kind::Integer { min, max } = key.kind else {
            return T::default();
        };
        let parse = |text: &str| {
            text.trim()
                .parse::<u64>()
                .map_err(|_| "is not a whole number".to_owned())
        };
        let read = self.amount(key, parse, |number| (min..=max).contains(&number));
        let number = read.or_else(|| key.default?.parse().ok()).unwrap_or(min);
        T::try_from(number).unwrap_or_default()
    }

    /// A list whose items `parse` understands. In an environment variable the items are separated by commas.
    pub fn list<T, E: ToString>(&mut self, key: &Key, parse: impl Fn(&str) -> Result<T, E>) -> Vec<T> {
        let layers = self.layers;
        layers
            .get(key.path)
            .map_or_else(Vec::new, |entry| self.items(key, key.path, entry, parse))
    }

    /// The lists of a key with a segment `*`, by the name the operator chose for it.
    pub fn named_lists<T, E: ToString>(
        &mut self,
        key: &Key,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<(String, Vec<T>)> {
        let layers = self.layers;
        let mut found = Vec::new();
        for (path, entry) in layers.iter().filter(|(path, _)| key.matches(path)) {
            let star = key
                .path
                .split('.')
                .zip(path.split('.'))
                .find(|(mine, _)| *mine == "*");
            let name = star.map_or("", |(_, theirs)| theirs).to_owned();
            found.push((name, self.items(key, path, entry, &parse)));
        }
        found
    }

    /// A secret: inline, or from the file that `PATH_file` names. The stronger layer counts.
    pub fn secret(&mut self, key: &Key) -> Option<SecretText> {
        let layers = self.layers;
        let inline = layers.get(key.path);
        let file_path = format!("{}_file", key.path);
        let file = layers.get(&file_path);
        let rank = |entry: Option<&Entry>| entry.map(|entry| entry.origin.rank());
        if inline.is_some() && rank(inline) == rank(file) {
            self.complain(key, format!("is set beside {file_path}; set one of the two"));
            return None;
        }
        if rank(inline) > rank(file) {
            return self.text(key).map(SecretText::new);
        }
        let entry = file?;
        let (Raw::Untyped(path) | Raw::String(path)) = &entry.raw else {
            self.note(
                &file_path,
                Some(entry.origin.clone()),
                "must be the path of a file".to_owned(),
            );
            return None;
        };
        match read_secret(&SecretSource::File(PathBuf::from(path))) {
            Ok(secret) => Some(secret),
            Err(error) => {
                self.note(&file_path, Some(entry.origin.clone()), error.to_string());
                None
            }
        }
    }

    /// A secret that must be there; missing or unreadable, it is noted.
    pub fn required_secret(&mut self, key: &Key) -> Option<SecretText> {
        let noted = self.problems.len();
        let secret = self.secret(key);
        if secret.is_none() && self.problems.len() == noted {
            self.complain_missing(key);
        }
        secret
    }

    /// A scalar with bounds: an integer of the file counts where its text would.
    fn amount<T: Copy>(
        &mut self,
        key: &Key,
        parse: impl Fn(&str) -> Result<T, String>,
        within: impl Fn(T) -> bool,
    ) -> Option<T> {
        let (Some(text), shown) = self.scalar_text(key)? else {
            self.complain(key, format!("must be {}; write `{}`", key.kind, key.written()));
            return None;
        };
        match parse(&text) {
            Ok(value) if within(value) => Some(value),
            Ok(_) => {
                self.complain(key, format!("{shown} is out of bounds: it must be {}", key.kind));
                None
            }
            Err(error) => {
                self.complain(key, format!("{shown} {error}; it must be {}", key.kind));
                None
            }
        }
    }

    fn scalar_text(&self, key: &Key) -> Option<(Option<String>, String)> {
        Some(match &self.layers.get(key.path)?.raw {
            Raw::Untyped(text) | Raw::String(text) => (Some(text.clone()), format!("`{text}`")),
            Raw::Integer(number) => (Some(number.to_string()), format!("`{number}`")),
            Raw::List(_) | Raw::Foreign(_) => (None, String::new()),
        })
    }

    fn items<T, E: ToString>(
        &mut self,
        key: &Key,
        path: &str,
        entry: &Entry,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let texts: Vec<String> = match &entry.raw {
            Raw::List(items) => items.clone(),
            Raw::Untyped(text) => text
                .split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => {
                let message = format!("must be {}; write `{path} = {}`", key.kind, key.example);
                self.note(path, Some(entry.origin.clone()), message);
                return Vec::new();
            }
        };
        let mut values = Vec::new();
        for text in texts {
            match parse(&text) {
                Ok(value) => values.push(value),
                Err(error) => {
                    let message = format!("`{text}`: {}", error.to_string());
                    self.note(path, Some(entry.origin.clone()), message);
                }
            }
        }
        values
    }

    fn note(&mut self, key: &str, origin: Option<Origin>, message: String) {
        self.problems.push(Problem {
            origin,
            key: key.to_owned(),
            message,
        });
    }
}
