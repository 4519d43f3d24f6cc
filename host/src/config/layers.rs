//! The layers of a configuration: defaults < `--dev` < file < environment < flags. Later wins, key by key.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    file,
    key::Key,
    problem::{Origin, Problem},
};

/// What every environment variable of the configuration begins with.
const ENV_PREFIX: &str = "AUTHLY__";

/// A value before anybody asked what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// Untyped text: a default, an environment variable, a flag.
    Untyped(String),
    /// A string of the file.
    String(String),
    /// An integer of the file.
    Integer(i64),
    /// A list of strings of the file.
    List(Vec<String>),
    /// Something of the file that no key takes, by its name.
    Foreign(&'static str),
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The value.
    pub raw: Raw,
    /// Where it came from.
    pub origin: Origin,
}

/// Where to look for a configuration. Nothing else is read: the environment is handed in.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// The process environment, read once by the caller.
    pub env: Vec<(OsString, OsString)>,
    /// Flags that set a key: its path, the flag's name, the value.
    pub flags: Vec<(String, String, String)>,
    /// `--dev`.
    pub dev: bool,
}

impl Sources {
    /// A variable of the environment that is not part of the configuration itself (`HOME`).
    pub fn env_path(&self, name: &str) -> Option<PathBuf> {
        let found = self.env.iter().find(|(key, _)| key == name)?;
        (!found.1.is_empty()).then(|| PathBuf::from(&found.1))
    }
}

/// All values of all layers, the strongest of each key first.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    entries: BTreeMap<String, Entry>,
}

impl Layers {
    /// Puts a value on top of what is there, unless a stronger layer spoke already.
    pub fn set(&mut self, path: &str, raw: Raw, origin: Origin) {
        let weaker = self
            .entries
            .get(path)
            .is_none_or(|old| old.origin.rank() <= origin.rank());
        if weaker {
            self.entries.insert(path.to_owned(), Entry { raw, origin });
        }
    }

    /// The value that counts.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Every value that counts, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Gathers defaults, file, environment and flags. Faults of the sources themselves, and keys nobody knows, go to
    /// `problems`.
    pub fn gather(sources: &Sources, keys: &[&'static Key], problems: &mut Vec<Problem>) -> Self {
        let mut layers = Self::default();
        for key in keys {
            if let Some(default) = key.default {
                layers.set(key.path, Raw::Untyped(default.to_owned()), Origin::Default);
            }
        }
        if let Some(path) = &sources.file {
            layers.add_file(path, problems);
        }
        layers.add_env(&sources.env, problems);
        for (path, flag, value) in &sources.flags {
            layers.set(path, Raw::Untyped(value.clone()), Origin::Flag(flag.clone()));
        }
        layers.refuse_unknown(keys, problems);
        layers
    }

    fn add_file(&mut self, path: &Path, problems: &mut Vec<Problem>) {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                for (key, raw, line) in file::parse(path, &text, problems) {
                    self.set(
                        &key,
                        raw,
                        Origin::File {
                            path: path.to_owned(),
                            line,
                        },
                    );
                }
            }
            Err(error) => problems.push(Problem {
                origin: None,
                key: String::new(),
                message: format!(
                    "cannot read {}: {error}; name the file with --config FILE",
                    path.display()
                ),
            }),
        }
    }

    fn add_env(&mut self, env: &[(OsString, OsString)], problems: &mut Vec<Problem>) {
        for (name, value) in env {
            let Some(name) = name.to_str().filter(|name| name.starts_with(ENV_PREFIX)) else {
                continue;
            };
            let path = name
                .trim_start_matches(ENV_PREFIX)
                .to_lowercase()
                .replace("__", ".");
            let origin = Origin::Env(name.to_owned());
            match value.to_str() {
                Some(value) => self.set(&path, Raw::Untyped(value.to_owned()), origin),
                None => problems.push(Problem {
                    origin: Some(origin),
                    key: path,
                    message: "is not UTF-8".to_owned(),
                }),
            }
        }
    }

    fn refuse_unknown(&self, keys: &[&'static Key], problems: &mut Vec<Problem>) {
        for (path, entry) in self.iter() {
            let secret_file = path.strip_suffix("_file");
            let known = keys.iter().any(|key| {
                key.matches(path) || (key.secret && secret_file.is_some_and(|inline| key.matches(inline)))
            });
            if !known {
                problems.push(Problem {
                    origin: Some(entry.origin.clone()),
                    key: path.to_owned(),
                    message: unknown_key_message(path, keys),
                });
            }
        }
    }
}

/// What could have been meant: the keys of the same table, or the tables there are.
fn unknown_key_message(path: &str, keys: &[&'static Key]) -> String {
    let section = path.rsplit_once('.').map_or("", |(section, _)| section);
    let siblings: Vec<&str> = keys
        .iter()
        .filter(|key| key.section() == section)
        .map(|key| key.path)
        .collect();
    if !siblings.is_empty() {
        return format!("is not a key; there are {}", siblings.join(", "));
    }
    let mut sections: Vec<&str> = keys
        .iter()
        .map(|key| key.section())
        .filter(|s| !s.is_empty())
        .collect();
    sections.dedup();
    format!(
        "is not a key, and there is no table [{section}]; there are [{}]",
        sections.join("], [")
    )
}
