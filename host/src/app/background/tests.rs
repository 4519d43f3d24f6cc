use std::time::Duration;

use authly_core::{Effects, SecretBytes, TenantId, key::SigningAlg, ports::Storage};
use authly_jose::{KeyRing, generate_key};
use authly_storage::{DatabaseConfig, Sealer, cache::cached};

use super::*;

/// Longer than any machine needs.
const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_key_that_another_node_adds_is_used_after_a_poll() {
    let world = World::system();
    let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), Arc::clone(&world.rng)).unwrap();
    let inner = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
        .await
        .unwrap();
    let storage: Arc<dyn Storage> = Arc::new(cached(Arc::clone(&inner), Arc::clone(&world.clock)));
    let id = TenantId::default_tenant();
    let (here, elsewhere) = (storage.tenant(&id), inner.tenant(&id));
    let keys = Arc::new(SharedKeys::new(KeyRing::parse(&[]).unwrap()));
    let jobs = Jobs::new();
    let listener = Listener::new(Topic::Key);
    jobs.spawn("keys", follow_keys(&here, &keys, Arc::clone(&listener.changed)));
    jobs.start(&storage, &world.clock, vec![listener]);
    for alg in [SigningAlg::Es256, SigningAlg::EdDsa] {
        let key = generate_key(alg, world.clock.now()).unwrap();
        let told = Effects::none().invalidating(Topic::Key, key.kid.as_str());
        elsewhere.ensure_active_key(&key, told).await.unwrap();
        let seen = tokio::time::timeout(LIMIT, async {
            while keys.load().active(alg).is_none() {
                // Reading keeps the cache warm with whatever it believes.
                here.load_keys().await.unwrap();
            }
        });
        seen.await.unwrap();
    }
    jobs.stop().await;
}
