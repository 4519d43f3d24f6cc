//! What operators see of a running server: logs on standard error, and metrics for Prometheus.

pub mod logs;
pub mod metrics;
pub mod plugins;

pub use logs::{LogsError, init_logs, log_listening};
pub use metrics::Metrics;
pub use plugins::PluginTelemetry;
