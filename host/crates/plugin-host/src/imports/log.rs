//! `authly:plugin/log`, and what a plugin prints: counted, cut and cleaned before anyone sees it.

use std::sync::Arc;

use crate::{
    call::CallContext,
    observer::{LogLevel, LogLine, PluginId, PluginObserver},
    text::{TEXT_BYTES_MAX, clean},
    versions::v0_1::authly::plugin::log,
};

/// The most fields of a line.
const FIELDS_MAX: usize = 16;
/// The longest key of a field, in bytes.
const KEY_BYTES_MAX: usize = 64;

/// Where the lines of one call go.
pub(crate) struct LogSink {
    observer: Arc<dyn PluginObserver>,
    plugin: Arc<PluginId>,
    request_id: String,
    lines_left: u32,
}

impl LogSink {
    pub fn new(
        observer: Arc<dyn PluginObserver>,
        plugin: Arc<PluginId>,
        request_id: String,
        lines: u32,
    ) -> Self {
        Self {
            observer,
            plugin,
            request_id,
            lines_left: lines,
        }
    }

    /// Hands on a line, unless the call has used up its share; the last one of the share says so.
    pub fn line(&mut self, level: LogLevel, message: &str, fields: &[(String, String)]) {
        let Some(left) = self.lines_left.checked_sub(1) else {
            return;
        };
        self.lines_left = left;
        if left == 0 {
            self.hand_on(
                LogLevel::Warn,
                "log limit of this call reached; further lines are dropped",
                &[],
            );
        } else {
            self.hand_on(level, message, fields);
        }
    }

    fn hand_on(&self, level: LogLevel, message: &str, fields: &[(String, String)]) {
        let fields: Vec<_> = fields
            .iter()
            .take(FIELDS_MAX)
            .map(|(key, value)| (clean(key, KEY_BYTES_MAX), clean(value, TEXT_BYTES_MAX)))
            .collect();
        self.observer.logged(&LogLine {
            plugin: &self.plugin,
            request_id: &self.request_id,
            level,
            message: &clean(message, TEXT_BYTES_MAX),
            fields: &fields,
        });
    }
}

impl log::Host for CallContext {
    fn log(
        &mut self,
        level: log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log_sink().line(level, &message, &fields);
        Ok(())
    }
}
