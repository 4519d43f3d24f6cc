//! Logs: one line an event, as JSON or as text, to standard error.
//!
//! Fields carry one name everywhere (`client.id`, `grant.id`, `error.code`, `duration_ms`). What must never be logged:
//! tokens, codes, secrets, cookies, passwords, e-mail addresses, whole query strings, bodies.

use std::net::SocketAddr;

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LogConfig, LogFormat};

/// The target of the one line that says the server is ready. It passes every filter: scripts wait for it.
const READY_TARGET: &str = "authly::ready";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter does not parse; the configuration checks it, so this is a caller that made its own.
    #[error("log.level is not a list of filter directives")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error("logging is set up already")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up the logs of this process. To be called once, by the composition root.
///
/// # Errors
/// [`LogsError`].
pub fn init_logs(config: &LogConfig) -> Result<(), LogsError> {
    subscriber(config, std::io::stderr)?
        .try_init()
        .map_err(LogsError::AlreadySet)
}

/// Says, once, that connections are accepted: `listening on http://ADDRESS:PORT`, with the field `address`.
pub fn log_listening(address: SocketAddr) {
    tracing::info!(target: READY_TARGET, address = %address, "listening on http://{address}");
}

/// The subscriber, writing wherever it is told to.
fn subscriber<W>(config: &LogConfig, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let directives = format!("{},{READY_TARGET}=info", config.level);
    let filter = EnvFilter::builder()
        .parse(directives)
        .map_err(LogsError::Filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match config.format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
        // Escape codes only help where somebody watches, and the file they end up in does not.
        LogFormat::Pretty => lines.with_ansi(false).with_target(false).boxed(),
    };
    Ok(Registry::default().with(lines).with(filter))
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = LogConfig {
            format,
            level: level.to_owned(),
        };
        let subscriber = subscriber(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(client.id = "demo", "quiet");
            log_listening("127.0.0.1:8000".parse().unwrap());
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_ready_line_passes_every_filter() {
        let text = logged(LogFormat::Pretty, "error");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("listening on http://127.0.0.1:8000"), "{text}");
    }

    #[test]
    fn json_lines_carry_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info");
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["client.id"], "demo");
        assert_eq!(lines[1]["address"], "127.0.0.1:8000");
        assert_eq!(lines[1]["message"], "listening on http://127.0.0.1:8000");
        assert_eq!(lines[1]["level"], "INFO");
    }
}
