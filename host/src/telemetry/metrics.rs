//! Metrics. Every name and every label is listed here and only here.
//!
//! Labels are bounded: a method, a route of the table, a grant type, an error code, the name of an installed plugin.
//! Nothing that a client chooses freely, and nobody's name, becomes a label.

use std::{fmt, sync::atomic::AtomicI64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::web::state::{ObservedRequest, RequestObserver};

/// Buckets of request durations, in seconds: from an answer out of a cache to a request at its deadline.
const HTTP_BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0,
];
/// Buckets of plugin calls, in seconds: a fresh instance takes tens of microseconds.
const PLUGIN_BUCKETS: [f64; 10] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.1, 0.5, 1.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    grant_type: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HttpLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    plugin: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// Everything that is counted. Made once, shared by reference.
pub struct Metrics {
    registry: Registry,
    token_requests: Family<TokenLabels, Counter>,
    http_durations: Histograms<HttpLabels>,
    plugin_calls: Family<CallLabels, Counter>,
    plugin_durations: Histograms<PluginLabels>,
    plugin_generations: Family<PluginLabels, Gauge<i64, AtomicI64>>,
    login_attempts: Family<OutcomeLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry in which everything stands at zero.
    pub fn new() -> Self {
        let http: fn() -> Histogram = || Histogram::new(HTTP_BUCKETS);
        let plugin: fn() -> Histogram = || Histogram::new(PLUGIN_BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("authly"),
            token_requests: Family::default(),
            http_durations: Family::new_with_constructor(http),
            plugin_calls: Family::default(),
            plugin_durations: Family::new_with_constructor(plugin),
            plugin_generations: Family::default(),
            login_attempts: Family::default(),
        };
        metrics.register();
        metrics
    }

    /// A sign-in ended. `outcome`: `ok`, `rejected`, `delayed`, `busy` or `error`.
    pub fn login_attempt(&self, outcome: &'static str) {
        self.login_attempts
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    /// A plugin was called. `outcome` is one of a fixed list of words of the plugin host.
    pub fn plugin_call(&self, plugin: &str, outcome: &'static str, duration: Duration) {
        let labels = CallLabels {
            plugin: plugin.to_owned(),
            outcome,
        };
        self.plugin_calls.get_or_create(&labels).inc();
        let labels = PluginLabels {
            plugin: plugin.to_owned(),
        };
        self.plugin_durations
            .get_or_create(&labels)
            .observe(duration.as_secs_f64());
    }

    /// This node runs this generation of a plugin now.
    pub fn plugin_generation(&self, plugin: &str, generation: i64) {
        self.plugin_generations
            .get_or_create(&PluginLabels {
                plugin: plugin.to_owned(),
            })
            .set(generation);
    }

    /// The OpenMetrics text of `/metrics`.
    ///
    /// # Errors
    /// When a value refuses to be written, which none of these does.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "token_requests",
            "Requests at the token endpoint by grant type and outcome (ok or the error code)",
            self.token_requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the end of the request head to the response head",
            Unit::Seconds,
            self.http_durations.clone(),
        );
        registry.register(
            "plugin_calls",
            "Plugin calls by outcome",
            self.plugin_calls.clone(),
        );
        registry.register_with_unit(
            "plugin_call_duration",
            "Time a plugin call took",
            Unit::Seconds,
            self.plugin_durations.clone(),
        );
        registry.register(
            "plugin_generation",
            "The generation of a plugin that this node runs",
            self.plugin_generations.clone(),
        );
        registry.register(
            "login_attempts",
            "Sign-in attempts by outcome",
            self.login_attempts.clone(),
        );
    }
}

impl RequestObserver for Metrics {
    fn request(&self, request: &ObservedRequest) {
        let labels = HttpLabels {
            method: request.method,
            route: request.route,
            status: request.status,
        };
        self.http_durations
            .get_or_create(&labels)
            .observe(request.duration.as_secs_f64());
    }

    fn token_request(&self, grant_type: &'static str, outcome: &'static str) {
        self.token_requests
            .get_or_create(&TokenLabels { grant_type, outcome })
            .inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_those_that_dashboards_rely_on() {
        let metrics = Metrics::new();
        metrics.token_request("refresh_token", "invalid_grant");
        metrics.request(&ObservedRequest {
            method: "POST",
            route: "/api/v1/oauth/token",
            status: 400,
            duration: Duration::from_millis(3),
        });
        metrics.plugin_call("claims", "ok", Duration::from_micros(80));
        metrics.plugin_generation("claims", 7);
        metrics.login_attempt("rejected");
        let text = metrics.render().unwrap();
        for line in [
            "authly_token_requests_total{grant_type=\"refresh_token\",outcome=\"invalid_grant\"} 1",
            "authly_http_request_duration_seconds_count{method=\"POST\",route=\"/api/v1/oauth/token\",status=\"400\"} 1",
            "authly_http_request_duration_seconds_bucket{le=\"0.005\",method=\"POST\",route=\"/api/v1/oauth/token\",status=\"400\"} 1",
            "authly_plugin_calls_total{plugin=\"claims\",outcome=\"ok\"} 1",
            "authly_plugin_call_duration_seconds_count{plugin=\"claims\"} 1",
            "authly_plugin_generation{plugin=\"claims\"} 7",
            "authly_login_attempts_total{outcome=\"rejected\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let metrics = Metrics::new();
        metrics.plugin_generation("a\"} 1\nauthly_login_attempts_total 9", 1);
        let text = metrics.render().unwrap();
        assert!(
            !text
                .lines()
                .any(|l| l.starts_with("authly_login_attempts_total 9")),
            "{text}"
        );
    }
}
