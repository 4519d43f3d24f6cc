//! What the plugin host reports, as metrics and log lines.

use std::sync::Arc;

use authly_plugin_host::{CallReport, LoadEvent, LogLevel, LogLine, PluginId, PluginObserver};

use super::Metrics;

/// Counts calls and writes down what happens to plugins.
pub struct PluginTelemetry {
    metrics: Arc<Metrics>,
}

impl PluginTelemetry {
    /// Into these metrics.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }
}

/// Enough of a digest to tell candidates apart in a log.
fn short_digest(plugin: &PluginId) -> String {
    plugin.digest.to_hex().chars().take(12).collect()
}

impl PluginObserver for PluginTelemetry {
    fn called(&self, report: &CallReport<'_>) {
        let plugin = report.plugin;
        self.metrics
            .plugin_call(plugin.name.as_str(), report.outcome.as_str(), report.duration);
        if let Some(error) = report.error {
            tracing::warn!(
                plugin.name = %plugin.name,
                plugin.version = plugin.version,
                plugin.digest = short_digest(plugin),
                plugin.generation = plugin.generation,
                request.id = report.request_id,
                outcome = report.outcome.as_str(),
                falls_back = report.falls_back,
                error = error as &dyn std::error::Error,
                "a plugin call failed"
            );
        }
    }

    fn loaded(&self, event: &LoadEvent) {
        match event {
            LoadEvent::Serving {
                plugin,
                from_cache,
                duration,
            } => {
                self.metrics
                    .plugin_generation(plugin.name.as_str(), plugin.generation);
                tracing::info!(
                    plugin.name = %plugin.name,
                    plugin.version = plugin.version,
                    plugin.digest = plugin.digest.to_hex(),
                    plugin.generation = plugin.generation,
                    from_cache,
                    duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
                    "a plugin serves"
                );
            }
            LoadEvent::Refused { name, digest, reason } => {
                let digest = digest.map(authly_core::plugin::PluginDigest::to_hex);
                tracing::error!(
                    plugin.name = %name,
                    plugin.digest = digest,
                    %reason,
                    "a plugin was refused; what served before goes on"
                );
            }
            LoadEvent::KnownBefore { name, digest } => tracing::info!(
                plugin.name = %name,
                plugin.digest = digest.to_hex(),
                "the folder holds a plugin that was replaced before; the stored choice stands. Change the file to \
                 propose it again"
            ),
            LoadEvent::Degraded { name, digest, reason } => tracing::error!(
                plugin.name = %name,
                plugin.digest = digest.to_hex(),
                %reason,
                "a plugin that should run cannot be loaded here"
            ),
            LoadEvent::Disabled { name } => tracing::info!(plugin.name = %name, "a plugin was disabled"),
            LoadEvent::CacheRefused { file } => {
                tracing::warn!(
                    file,
                    "cached machine code is not of this server and was thrown away"
                );
            }
            LoadEvent::StorageFailed { reason } => {
                tracing::error!(
                    reason,
                    "the desired plugins cannot be read; what is loaded goes on serving"
                );
            }
        }
    }

    fn logged(&self, line: &LogLine<'_>) {
        let fields = line
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" ");
        let (plugin, generation) = (line.plugin.name.as_str(), line.plugin.generation);
        let (request, message) = (line.request_id, line.message);
        // The level of an event is fixed where it is written, so each has a line of its own.
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    target: "authly::plugin",
                    plugin,
                    generation,
                    request,
                    fields,
                    "{message}"
                )
            };
        }
        match line.level {
            LogLevel::Trace => say!(trace),
            LogLevel::Debug => say!(debug),
            LogLevel::Info => say!(info),
            LogLevel::Warn => say!(warn),
            LogLevel::Error => say!(error),
        }
    }
}
