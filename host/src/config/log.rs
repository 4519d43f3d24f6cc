//! `[log]`

use tracing_subscriber::EnvFilter;

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const FORMAT: Key = Key::new(
    "log.format",
    Kind::Choice(&["json", "pretty"]),
    "\"json\"",
    "One JSON object a line for machines, or text for people. With `--dev` the default is `pretty`.",
)
.default("json");
const LEVEL: Key = Key::new(
    "log.level",
    Kind::Text("`error`, `warn`, `info`, `debug` or `trace`, or a list such as `info,authly=debug`"),
    "\"info\"",
    "What is logged, to standard error. Secrets are logged at no level.",
)
.default("info");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[&FORMAT, &LEVEL];

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// The checked section.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// Filter directives, checked.
    pub level: String,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> LogConfig {
    let format = match reader.choice(&FORMAT).as_str() {
        "pretty" => LogFormat::Pretty,
        _ => LogFormat::Json,
    };
    let level = reader.parsed(&LEVEL, |text| {
        EnvFilter::builder()
            .parse(text)
            .map(|_| text.to_owned())
            .map_err(|_| "is not a log level; write error, warn, info, debug or trace, or info,authly=debug")
    });
    LogConfig {
        format,
        level: level.unwrap_or_else(|| "info".to_owned()),
    }
}
