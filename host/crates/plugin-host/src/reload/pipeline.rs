//! Every check a candidate must pass before it may serve, in order of what they cost:
//!
//! 1. policy: pin, size, what the bytes are and which contract they were built for; the toml against policy and limits
//! 2. compile, off the request path and one at a time, or take from what is loaded or kept
//! 3. imports and exports
//! 4. link
//! 5. `describe` and `check-config`, under the limits of a call

use std::sync::Arc;

use authly_core::plugin::{PluginComponent, PluginDigest, PluginName};
use aws_lc_rs::digest::{self, SHA256};
use tokio::{sync::Semaphore, time::Instant};
use wasmtime::component::Component;

use crate::{
    aot::Lookup,
    call::{CallContext, Invocation},
    check,
    error::{CallError, Refusal},
    generation::Prepared,
    host::Inner,
    imports::log::LogSink,
    limits::CallLimits,
    manifest::Manifest,
    observer::{LoadEvent, PluginId},
    registry::Serving,
    versions::v0_1::{ClaimMapperPluginPre, exports::authly::plugin::meta},
};

/// The longest version a plugin may give itself, in bytes.
const VERSION_BYTES_MAX: usize = 64;

/// The identity of a candidate: SHA-256 over the SHA-256 of the component and the SHA-256 of its toml. What
/// [`PluginPolicy::pins`](crate::PluginPolicy) holds.
pub fn candidate_digest(wasm: &[u8], toml: &str) -> PluginDigest {
    let both = [sha256(wasm), sha256(toml.as_bytes())].concat();
    PluginDigest(sha256(&both))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&SHA256, bytes).as_ref());
    out
}

impl Inner {
    /// Makes a candidate ready to serve, or says why it may not.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        name: &PluginName,
        candidate: PluginComponent,
    ) -> Result<Prepared, Refusal> {
        let began = Instant::now();
        if candidate_digest(&candidate.wasm, &candidate.toml) != candidate.digest {
            return Err(Refusal::new(
                "the stored component does not have the digest it is stored under",
            ));
        }
        let policy = self.policy.load_full();
        policy.check_pin(name, candidate.digest)?;
        check::check_bytes(&candidate.wasm, self.limits.component_bytes)?;
        let manifest = Manifest::parse(&candidate.toml, name, &policy, &self.limits)?;
        let id = PluginId {
            name: name.clone(),
            version: String::new(),
            digest: candidate.digest,
            generation: 0,
        };
        let wasm = sha256(&candidate.wasm);
        let (component, from_cache) = match self.loaded(wasm) {
            Some(component) => (component, true),
            None => self.compiled(candidate.wasm, wasm).await?,
        };
        let version = self.introduce(&component, id.clone(), &manifest).await?;
        Ok(Prepared {
            id: PluginId { version, ..id },
            manifest,
            component,
            wasm,
            from_cache,
            began,
        })
    }

    /// The same code may be serving already, under another name or with another toml.
    fn loaded(&self, wasm: [u8; 32]) -> Option<ClaimMapperPluginPre<CallContext>> {
        self.registry
            .table()
            .iter()
            .find_map(|slot| match &*slot.serving {
                Serving::Generation { current, .. } if current.wasm == wasm => {
                    Some(current.component.clone())
                }
                _ => None,
            })
    }

    async fn compiled(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        wasm: [u8; 32],
    ) -> Result<(ClaimMapperPluginPre<CallContext>, bool), Refusal> {
        let host = Arc::clone(self);
        tokio::task::spawn_blocking(move || host.compile(&bytes, wasm))
            .await
            .map_err(|_| Refusal::new("the compiler failed on it"))?
    }

    fn compile(
        &self,
        bytes: &[u8],
        wasm: [u8; 32],
    ) -> Result<(ClaimMapperPluginPre<CallContext>, bool), Refusal> {
        let engine = &self.runtime.engine;
        let kept = self.kept(wasm);
        let from_cache = kept.is_some();
        let component = match kept {
            Some(component) => component,
            None => Component::new(engine, bytes)
                .map_err(|error| Refusal::by_server(format!("it does not compile: {error:#}")))?,
        };
        check::check_world(engine, &component)?;
        let linked = self
            .linker
            .instantiate_pre(&component)
            .and_then(ClaimMapperPluginPre::new);
        let linked = linked.map_err(|error| {
            Refusal::by_server(format!(
                "it does not fit the contract authly:plugin 0.1 it was built for: {error:#}"
            ))
        })?;
        // Now, so that the first request does not wait for it.
        component
            .initialize_copy_on_write_image()
            .map_err(|error| Refusal::transient(format!("its memory image cannot be made: {error:#}")))?;
        if !from_cache {
            self.keep(wasm, &component);
        }
        Ok((linked, from_cache))
    }

    fn kept(&self, wasm: [u8; 32]) -> Option<Component> {
        match self.cache.as_ref()?.load(&self.runtime.engine, wasm) {
            Lookup::Hit(component) => Some(component),
            Lookup::Miss => None,
            Lookup::Refused(file) => {
                self.tell(&LoadEvent::CacheRefused { file });
                None
            }
        }
    }

    fn keep(&self, wasm: [u8; 32], component: &Component) {
        let Some(cache) = &self.cache else { return };
        if let Err(error) = cache.store(wasm, component) {
            tracing::warn!(%error, "a compiled plugin cannot be kept for the next start");
        }
    }

    /// Asks who it is and whether it likes its configuration. Answers its version.
    async fn introduce(
        &self,
        component: &ClaimMapperPluginPre<CallContext>,
        id: PluginId,
        manifest: &Manifest,
    ) -> Result<String, Refusal> {
        let id = Arc::new(id);
        let admission = Arc::new(Semaphore::new(1));
        let invocation = || Invocation {
            component,
            limits: CallLimits::of(&self.limits),
            config: Arc::clone(&manifest.config),
            log: LogSink::new(
                Arc::clone(&self.observer),
                Arc::clone(&id),
                String::new(),
                self.limits.log_lines,
            ),
            admission: &admission,
        };
        let description = self
            .caller
            .call(invocation(), |plugin, store| {
                Box::pin(async move { plugin.authly_plugin_meta().call_describe(store).await })
            })
            .await
            .map_err(|error| refused_call("describe", &error))?;
        let version = checked_version(description.version)?;
        let config = manifest.config.json().to_owned();
        let verdict = self
            .caller
            .call(invocation(), move |plugin, store| {
                Box::pin(async move {
                    plugin
                        .authly_plugin_meta()
                        .call_check_config(store, &config)
                        .await
                })
            })
            .await
            .map_err(|error| refused_call("check-config", &error))?;
        verdict.map_err(|issues| Refusal::new(issues_text(&issues)))?;
        Ok(version)
    }
}

fn refused_call(export: &str, error: &CallError) -> Refusal {
    let message = format!("its {export} failed: {error}");
    if error.is_transient() {
        Refusal::transient(message)
    } else {
        Refusal::new(message)
    }
}

/// It goes into logs, audit and `--dev` pages.
fn checked_version(version: String) -> Result<String, Refusal> {
    let printable = version.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if version.is_empty() || version.len() > VERSION_BYTES_MAX || !printable {
        return Err(Refusal::new(format!(
            "its describe gives a version that is not 1 to {VERSION_BYTES_MAX} printable ASCII characters"
        )));
    }
    Ok(version)
}

/// The most issues that are worth telling at once.
const ISSUES_MAX: usize = 20;

fn issues_text(issues: &[meta::ConfigIssue]) -> String {
    let mut lines = vec!["it refuses its configuration".to_owned()];
    lines.extend(issues.iter().take(ISSUES_MAX).map(|issue| {
        let path = if issue.path.is_empty() {
            "config".to_owned()
        } else {
            format!("config.{}", issue.path)
        };
        format!("{}: {}", path.escape_debug(), issue.message.escape_debug())
    }));
    lines.join("; ")
}
