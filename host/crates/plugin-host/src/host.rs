//! The plugin host as the rest of the server sees it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use authly_core::{Clock, StorageError, TenantId, ports::PluginStore};
use tokio::{sync::Mutex, task::AbortHandle, time::Instant};
use wasmtime::component::Linker;

use crate::{
    aot::{CacheOptions, CodeCache},
    call::{CallContext, Caller},
    engine::{Allocator, AllocatorChoice, Runtime},
    error::StartError,
    imports,
    limits::Limits,
    observer::{LoadEvent, PluginObserver},
    policy::Policy,
    registry::Registry,
    reload::{Proposal, ReloadState, Scan, watch},
    status::{HostStatus, PluginStatus},
};

/// What the composition root decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose plugins these are; plugins are told.
    pub tenant: TenantId,
    /// The watched directory: `NAME.wasm` and, beside it, `NAME.toml`. Without one, only storage says what runs.
    pub dir: Option<PathBuf>,
    /// Machine code kept between starts.
    pub cache: Option<CacheOptions>,
    /// What plugins may be granted.
    pub policy: Policy,
    /// What they may use.
    pub limits: Limits,
    /// How often directory and storage are looked at even if nothing hints at a change.
    pub poll_interval: Duration,
    /// How long after its activation a generation still counts as young: where it fails, its predecessor answers.
    pub canary: Duration,
    /// Where instances get their memory.
    pub allocator: AllocatorChoice,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tenant: TenantId::default_tenant(),
            dir: None,
            cache: None,
            policy: Policy::default(),
            limits: Limits::default(),
            poll_interval: Duration::from_secs(10),
            canary: Duration::from_mins(10),
            allocator: AllocatorChoice::Auto,
        }
    }
}

/// Loads plugins, keeps them as storage desires, and calls them. The [`ClaimMapper`](authly_core::ports::ClaimMapper)
/// of the server.
pub struct PluginHost {
    inner: Arc<Inner>,
    watch: AbortHandle,
}

/// What calls and reloads share.
pub(crate) struct Inner {
    pub runtime: Runtime,
    pub linker: Linker<CallContext>,
    pub caller: Caller,
    pub cache: Option<CodeCache>,
    pub registry: Registry,
    pub storage: Arc<dyn PluginStore>,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<dyn PluginObserver>,
    pub tenant: TenantId,
    pub dir: Option<PathBuf>,
    /// Replaced when the operator changes it.
    pub policy: ArcSwap<Policy>,
    pub limits: Limits,
    pub canary: Duration,
    /// One reload at a time: compiling takes a core.
    pub reload: Mutex<ReloadState>,
}

impl PluginHost {
    /// Loads what storage desires, proposes candidates of the directory that stored history has never seen, and
    /// begins to watch. A plugin that does not load stops nothing here; its calls fail, unless it is optional.
    ///
    /// # Errors
    /// [`StartError`], when the engine does not work or storage does not answer.
    pub async fn start(
        options: Options,
        storage: Arc<dyn PluginStore>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn PluginObserver>,
    ) -> Result<Self, StartError> {
        let poll_interval = options.poll_interval;
        let inner = Arc::new(Inner::new(options, storage, clock, observer)?);
        let mut state = inner.reload.lock().await;
        inner.converge(&mut state).await?;
        inner.propose(&mut state, Scan::Now).await;
        drop(state);
        let watch = tokio::spawn(watch::run(Arc::clone(&inner), poll_interval)).abort_handle();
        Ok(Self { inner, watch })
    }

    /// Reads the desired state and brings this node to it. To be called when an invalidation says that a plugin
    /// changed; the poll calls it too.
    ///
    /// # Errors
    /// When storage does not answer; what is loaded goes on serving.
    pub async fn converge(&self) -> Result<(), StorageError> {
        let mut state = self.inner.reload.lock().await;
        self.inner.converge(&mut state).await
    }

    /// Takes the directory as it is now: whoever asks knows that its files are whole. One proposal for each plugin in it.
    pub async fn propose_directory(&self) -> Vec<Proposal> {
        let mut state = self.inner.reload.lock().await;
        self.inner.propose(&mut state, Scan::Now).await
    }

    /// Replaces what plugins may be granted and which candidates may run. What it refuses stops serving at once, since
    /// to go on would be a way around a stricter policy; what it newly allows of the directory serves.
    ///
    /// # Errors
    /// When storage does not answer; the new policy stands, and the next poll brings the plugins to it.
    pub async fn set_policy(&self, policy: Policy) -> Result<(), StorageError> {
        let mut state = self.inner.reload.lock().await;
        self.inner.policy.store(Arc::new(policy));
        state.change_policy();
        self.inner.converge(&mut state).await?;
        self.inner
            .propose(&mut state, Scan::Settled(Instant::now()))
            .await;
        Ok(())
    }

    /// What runs.
    pub fn status(&self) -> HostStatus {
        HostStatus {
            allocator: self.inner.runtime.allocator,
            ticks: self.inner.runtime.ticks(),
            plugins: self
                .inner
                .registry
                .table()
                .iter()
                .map(|slot| PluginStatus::of(slot))
                .collect(),
        }
    }

    /// Stops watching and waits for a reload under way. Calls still work.
    pub async fn shutdown(&self) {
        self.watch.abort();
        drop(self.inner.reload.lock().await);
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Drop for PluginHost {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Inner {
    fn new(
        options: Options,
        storage: Arc<dyn PluginStore>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn PluginObserver>,
    ) -> Result<Self, StartError> {
        let engine_error = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let runtime = Runtime::start(options.allocator, &options.limits).map_err(engine_error)?;
        let mut linker = Linker::new(&runtime.engine);
        imports::link(&mut linker).map_err(engine_error)?;
        let slots = match runtime.allocator {
            Allocator::Pool { slots } => slots,
            Allocator::OnDemand => options.limits.calls,
        };
        Ok(Self {
            caller: Caller::new(options.limits.clone(), slots),
            cache: options.cache.and_then(|cache| open_cache(&cache, &runtime)),
            registry: Registry::default(),
            reload: Mutex::default(),
            tenant: options.tenant,
            dir: options.dir,
            policy: ArcSwap::from_pointee(options.policy),
            limits: options.limits,
            canary: options.canary,
            runtime,
            linker,
            storage,
            clock,
            observer,
        })
    }

    pub(crate) fn tell(&self, event: &LoadEvent) {
        self.observer.loaded(event);
    }
}

/// Without it everything works, only slower at the next start.
fn open_cache(options: &CacheOptions, runtime: &Runtime) -> Option<CodeCache> {
    CodeCache::open(options, &runtime.engine)
        .inspect_err(|error| tracing::warn!(%error, "compiled plugins are not kept between starts"))
        .ok()
}
