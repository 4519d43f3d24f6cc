//! The composition root's background work.

use std::sync::Arc;

use authly_core::{Topic, ports::TenantStorage};
use authly_jose::SharedKeys;
use tokio::sync::Notify;

use super::{Opened, Parts, World, keys};
use crate::jobs::{Jobs, Listener, reload_when_changed};

/// What every node does beside answering: following changes of keys and plugins, purging.
pub(super) fn start_jobs(opened: &Opened, parts: &Parts, world: &World) -> Jobs {
    let jobs = Jobs::new();
    let (for_keys, for_plugins) = (Listener::new(Topic::Key), Listener::new(Topic::Plugin));
    let (keys_changed, plugins_changed) = (Arc::clone(&for_keys.changed), Arc::clone(&for_plugins.changed));
    jobs.start(&opened.storage, &world.clock, vec![for_keys, for_plugins]);
    jobs.spawn(
        "keys",
        follow_keys(&opened.tenant, &parts.provider.keys, keys_changed),
    );
    let plugins = Arc::clone(&parts.plugins);
    jobs.spawn(
        "plugins",
        reload_when_changed("plugins", plugins_changed, move || {
            let plugins = Arc::clone(&plugins);
            async move { plugins.converge().await.map_err(Into::into) }
        }),
    );
    jobs
}

/// Keeps the parsed keys in step with the stored ones.
fn follow_keys(
    tenant: &Arc<dyn TenantStorage>,
    keys: &Arc<SharedKeys>,
    changed: Arc<Notify>,
) -> impl Future<Output = ()> + Send + use<> {
    let (tenant, keys) = (Arc::clone(tenant), Arc::clone(keys));
    reload_when_changed("signing keys", changed, move || {
        let (tenant, keys) = (Arc::clone(&tenant), Arc::clone(&keys));
        async move {
            keys.store(keys::load_keys(&tenant).await?);
            Ok(())
        }
    })
}

#[cfg(test)]
mod tests;
