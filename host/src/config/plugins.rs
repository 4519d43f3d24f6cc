//! `[plugins]`: where plugins are, what each may take of the machine, and the most an operator grants them. A
//! plugin's own `NAME.toml` can only narrow this.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use authly_core::plugin::{PluginDigest, PluginName};
use authly_plugin_host::{ClaimGrants, Limits, PluginPolicy, Policy};

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const DIR: Key = Key::new(
    "plugins.dir",
    Kind::Path,
    "\"/etc/authly/plugins\"",
    "The folder that is watched for `NAME.wasm` and `NAME.toml`. What appears there is only a proposal: it is checked \
     and stored, and every node runs what the database says. Without it this node watches nothing and still runs the \
     stored plugins.",
);
const CACHE_DIR: Key = Key::new(
    "plugins.cache_dir",
    Kind::Path,
    "\"/var/cache/authly\"",
    "Where compiled plugins are kept, so that a restart does not compile them again. Only the server may write to \
     it: what lies there is run as machine code. Without it nothing is kept.",
);
const POLL_INTERVAL: Key = Key::seconds(
    "plugins.poll_interval",
    (1, 3_600),
    "2s",
    "How often the folder is looked at beside the notices of the file system, which network and container mounts \
     lose.",
);
const CLAIMS: Key = Key::new(
    "plugins.claims",
    Kind::List("claim names, or beginnings of names with a star at the end"),
    "[\"https://*\", \"department\"]",
    "The most that any plugin may be granted to set or remove. `https://*` stands for every namespaced name: one \
     shaped like a URL, which cannot collide with a registered claim. Claims that the protocol owns are never granted.",
)
.default("https://*");
const NAMED_CLAIMS: Key = Key::new(
    "plugins.named.*.claims",
    Kind::List("claim names, or beginnings of names with a star at the end"),
    "[\"department\"]",
    "The same for the one plugin of that name, instead of `plugins.claims`.",
);
const NAMED_PINS: Key = Key::new(
    "plugins.named.*.pins",
    Kind::List("SHA-256 digests in hex"),
    "[\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"]",
    "If set, the plugin of that name runs only as one of these candidates. The digest is over the component and its \
     toml, as the log shows it.",
);
const CPU: Key = Key::new(
    "plugins.limits.cpu",
    milliseconds(1, 10_000),
    "",
    "Processor time of one call.",
)
.default("50ms");
const WALL: Key = Key::new(
    "plugins.limits.wall",
    milliseconds(1, 15_000),
    "",
    "How long one call may take in all, from the moment it was admitted.",
)
.default("2s");
const QUEUE: Key = Key::new(
    "plugins.limits.queue",
    milliseconds(0, 15_000),
    "",
    "How long a call may wait to be admitted before the request is answered with 503.",
)
.default("1s");
const MEMORY: Key = Key::new(
    "plugins.limits.memory",
    Kind::Size {
        min: 1 << 20,
        max: 1 << 30,
    },
    "",
    "Linear memory of one call.",
)
.default("64MiB");
const ANSWER: Key = Key::new(
    "plugins.limits.answer",
    Kind::Size {
        min: 1 << 10,
        max: 16 << 20,
    },
    "",
    "What one transfer from the plugin to the server may hold: its answer, or the arguments of one import.",
)
.default("1MiB");
const CLAIMS_SIZE: Key = Key::new(
    "plugins.limits.claims",
    Kind::Size {
        min: 1 << 10,
        max: 1 << 20,
    },
    "",
    "Claims that one answer may set, names and JSON values counted.",
)
.default("32KiB");
const CHANGES: Key = Key::integer(
    "plugins.limits.changes",
    (1, 10_000),
    "256",
    "Changes that one answer may hold.",
);
const HANDLES: Key = Key::integer(
    "plugins.limits.handles",
    (16, 100_000),
    "1000",
    "Component-model handles alive at once in a call.",
);
const LOG_LINES: Key = Key::integer(
    "plugins.limits.log_lines",
    (0, 10_000),
    "100",
    "Log lines of one call; further ones are dropped.",
);
const CALLS: Key = Key::integer(
    "plugins.limits.calls",
    (1, 1_000),
    "128",
    "Calls running at once, over all plugins. Address space for this many is reserved at the start.",
);
const CALLS_PER_PLUGIN: Key = Key::integer(
    "plugins.limits.calls_per_plugin",
    (1, 1_000),
    "64",
    "Calls of one plugin running at once.",
);
const COMPONENT: Key = Key::new(
    "plugins.limits.component",
    Kind::Size {
        min: 1 << 10,
        max: 256 << 20,
    },
    "",
    "Size of a component; a larger one is refused.",
)
.default("32MiB");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &DIR,
    &CACHE_DIR,
    &POLL_INTERVAL,
    &CLAIMS,
    &NAMED_CLAIMS,
    &NAMED_PINS,
    &CPU,
    &WALL,
    &QUEUE,
    &MEMORY,
    &ANSWER,
    &CLAIMS_SIZE,
    &CHANGES,
    &HANDLES,
    &LOG_LINES,
    &CALLS,
    &CALLS_PER_PLUGIN,
    &COMPONENT,
];

/// The checked section.
#[derive(Clone, Debug)]
pub struct PluginsConfig {
    /// The watched folder.
    pub dir: Option<PathBuf>,
    /// Where compiled plugins are kept.
    pub cache_dir: Option<PathBuf>,
    /// How often the folder is looked at.
    pub poll_interval: Duration,
    /// The most plugins may be granted, and which candidates may run.
    pub policy: Policy,
    /// What plugins may take of the machine.
    pub limits: Limits,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> PluginsConfig {
    PluginsConfig {
        dir: reader.path(&DIR),
        cache_dir: reader.path(&CACHE_DIR),
        poll_interval: reader.duration(&POLL_INTERVAL),
        policy: check_policy(reader),
        limits: Limits {
            cpu: reader.duration(&CPU),
            wall: reader.duration(&WALL),
            memory_bytes: reader.bytes(&MEMORY),
            answer_bytes: reader.bytes(&ANSWER),
            handles: reader.integer(&HANDLES),
            log_lines: reader.integer(&LOG_LINES),
            claims_bytes: reader.bytes(&CLAIMS_SIZE),
            changes: reader.integer(&CHANGES),
            calls: reader.integer(&CALLS),
            calls_per_plugin: reader.integer(&CALLS_PER_PLUGIN),
            queue: reader.duration(&QUEUE),
            component_bytes: reader.bytes(&COMPONENT),
        },
    }
}

fn check_policy(reader: &mut Reader<'_>) -> Policy {
    let mut plugins: BTreeMap<PluginName, PluginPolicy> = BTreeMap::new();
    for (name, texts) in reader.named_lists(&NAMED_CLAIMS, parse_claim) {
        if let Some(name) = check_name(reader, &NAMED_CLAIMS, &name) {
            plugins.entry(name).or_default().claims = Some(grants(&texts));
        }
    }
    for (name, pins) in reader.named_lists(&NAMED_PINS, parse_digest) {
        if let Some(name) = check_name(reader, &NAMED_PINS, &name) {
            plugins.entry(name).or_default().pins = pins;
        }
    }
    Policy {
        claims: grants(&reader.list(&CLAIMS, parse_claim)),
        plugins,
    }
}

fn check_name(reader: &mut Reader<'_>, key: &Key, name: &str) -> Option<PluginName> {
    match PluginName::parse(name) {
        Ok(name) => Some(name),
        Err(error) => {
            reader.complain_at(&key.path.replace('*', name), error.to_string());
            None
        }
    }
}

/// Each text was parsed alone before, so that every fault is reported; together they parse as well.
fn grants(texts: &[String]) -> ClaimGrants {
    ClaimGrants::parse(texts).unwrap_or_default()
}

fn parse_claim(text: &str) -> Result<String, String> {
    match ClaimGrants::parse(&[text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_digest(text: &str) -> Result<PluginDigest, &'static str> {
    let mut digest = [0u8; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| "is not a SHA-256 digest: 64 hex digits")?;
    Ok(PluginDigest(digest))
}

const fn milliseconds(min: u64, max: u64) -> Kind {
    Kind::Duration {
        min: Duration::from_millis(min),
        max: Duration::from_millis(max),
    }
}
