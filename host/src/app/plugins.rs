//! The plugin host as the operator configured it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use authly_core::{Clock, SecretBytes, ports::TenantStorage};
use authly_plugin_host::{CacheOptions, Options, PluginHost};
use aws_lc_rs::hmac;

use super::{StartError, World};
use crate::{
    config::Config,
    telemetry::{Metrics, PluginTelemetry},
    web::state::ReadinessCheck,
};

/// Starts the host: loads what storage desires, then looks into `plugins.dir`.
pub(super) async fn start(
    config: &Config,
    encryption_key: &SecretBytes,
    tenant: &Arc<dyn TenantStorage>,
    world: &World,
    metrics: &Arc<Metrics>,
) -> Result<PluginHost, StartError> {
    let plugins = &config.plugins;
    if let Some(dir) = plugins.dir.as_ref().filter(|dir| !dir.is_dir()) {
        tracing::warn!(
            plugins.dir = %dir.display(),
            "there is no such folder: plugins that lie elsewhere do not run, and it is watched for from now on"
        );
    }
    let cache = plugins.cache_dir.clone().map(|dir| CacheOptions {
        dir,
        key: cache_key(encryption_key),
    });
    let options = Options {
        dir: plugins.dir.clone(),
        cache,
        policy: plugins.policy.clone(),
        limits: plugins.limits.clone(),
        poll_interval: plugins.poll_interval,
        ..Options::default()
    };
    let observer = Arc::new(PluginTelemetry::new(Arc::clone(metrics)));
    Ok(PluginHost::start(
        options,
        Arc::clone(tenant) as _,
        Arc::clone(&world.clock),
        observer,
    )
    .await?)
}

/// Seals cached machine code. Derived, so that the key that seals data is used for nothing else.
fn cache_key(encryption_key: &SecretBytes) -> SecretBytes {
    let key = hmac::Key::new(hmac::HMAC_SHA256, encryption_key.expose());
    SecretBytes::new(hmac::sign(&key, b"authly plugin code cache v1").as_ref().to_vec())
}

/// The thread that ends runaway plugins must be alive, or a node is not fit for traffic.
pub(super) fn readiness(plugins: &Arc<PluginHost>, clock: &Arc<dyn Clock>) -> Vec<ReadinessCheck> {
    let (plugins, clock) = (Arc::clone(plugins), Arc::clone(clock));
    let last = Mutex::new((plugins.status().ticks, clock.now()));
    let check = Arc::new(move || {
        let (ticks, now) = (plugins.status().ticks, clock.now());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != ticks {
            *last = (ticks, now);
        }
        now.since(last.1) < TICK_AGE_MAX
    });
    vec![ReadinessCheck {
        name: "plugins",
        check,
    }]
}

/// It ticks every few milliseconds; a second without a tick is no busy machine but a dead thread.
const TICK_AGE_MAX: Duration = Duration::from_secs(1);
