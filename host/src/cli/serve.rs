//! `authly serve`

use std::{sync::Arc, time::Duration};

use authly_plugin_host::PluginHost;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{console::Console, failure::Failure, runtime};
use crate::{
    app::{App, DevSeed, StartError, World},
    config::{self, Config, Sources},
    telemetry,
};

/// How long the runtime's threads may go on with what nobody waits for any more, such as compiling a plugin.
const RUNTIME_STOP_MAX: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT, then lets requests under way finish.
pub(super) fn run(console: &mut Console<'_>, config: &Config, sources: &Sources) -> Result<(), Failure> {
    telemetry::init_logs(&config.log).map_err(|error| Failure::failed("cannot start logging", error))?;
    let runtime = runtime()?;
    let served = runtime.block_on(serve(console, config, sources));
    runtime.shutdown_timeout(RUNTIME_STOP_MAX);
    served
}

async fn serve(console: &mut Console<'_>, config: &Config, sources: &Sources) -> Result<(), Failure> {
    // Before anything else: a signal that comes during the start is kept and not lost.
    let failed = |error| Failure::failed("cannot listen for signals", error);
    let mut stop = StopSignals::listen().map_err(failed)?;
    let hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let started = tokio::select! {
        biased;
        () = stop.received() => None,
        started = App::start(config, World::system()) => Some(started.map_err(start_failure)?),
    };
    let Some(app) = started else {
        tracing::info!("stopped before the start was complete");
        return Ok(());
    };
    if let Some(seed) = &app.parts.dev {
        let issuer = app.parts.provider.issuer.as_str();
        console.print(&welcome(issuer, config, seed))?;
    }
    telemetry::log_listening(app.local_addr());
    let rescan = tokio::spawn(reload_on(hangup, sources.clone(), Arc::clone(&app.parts.plugins)));
    let shutdown = async move {
        stop.received().await;
        // First: nothing new begins while the rest ends.
        rescan.abort();
        tracing::info!("stopping: requests under way may finish");
    };
    let drained = app.serve(shutdown).await;
    if drained.cut > 0 {
        tracing::warn!(
            connections = drained.cut,
            "connections were cut at server.drain_timeout"
        );
    }
    tracing::info!("stopped");
    Ok(())
}

/// What tells the server to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP: apply what `[plugins]` allows, the only part of the configuration that needs no restart, then look into
/// `plugins.dir`, where the notices of the file system may not arrive. What comes of it is logged by the plugin host's
/// observer; a faulty configuration changes nothing.
async fn reload_on(mut hangup: Signal, sources: Sources, plugins: Arc<PluginHost>) {
    while hangup.recv().await.is_some() {
        tracing::info!(
            "SIGHUP: applying the plugin policy of the configuration and looking into plugins.dir; every other setting \
             needs a restart"
        );
        match config::load(&sources) {
            Ok(loaded) => {
                if let Err(error) = plugins.set_policy(loaded.config.plugins.policy).await {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "the new plugin policy is not applied to every plugin yet");
                }
            }
            Err(errors) => {
                tracing::error!(%errors, "SIGHUP: the configuration is faulty; the plugin policy stays as it was");
            }
        }
        plugins.propose_directory().await;
    }
}

/// A start fails for good or because a service is away; the exit code tells a supervisor which.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Storage(error) => Failure::storage("use the database", error),
        StartError::Migrate(error) => super::migrate::failure(error),
        other => Failure::failed("the server did not start", other),
    }
}

/// What a new user reads after `authly serve --dev`. Passwords are in no log: this goes to standard output, once.
fn welcome(issuer: &str, config: &Config, seed: &DevSeed) -> String {
    let mut lines = vec![
        String::new(),
        format!("Authly runs for development at {issuer}"),
        String::new(),
        format!("  Open {issuer}/demo and sign in."),
        String::new(),
    ];
    for (name, password) in [("demo", &seed.user_password), ("admin", &seed.admin_password)] {
        let password = password
            .as_ref()
            .map_or("as printed when the account was made", |p| p.expose());
        lines.push(format!("  {name:<6} password {password}"));
    }
    lines.push(String::new());
    if let Some(dir) = config.plugins.dir.as_ref() {
        let what = if seed.has_plugin {
            "edit a file there and the next token shows it"
        } else {
            "no plugin is part of this build: run `make plugins`, then start again"
        };
        lines.push(format!("  Plugins: {} ({what})", dir.display()));
    }
    let database = config.database.url.trim_start_matches("sqlite:");
    lines.push(format!("  Data:    {database} (delete it to begin again)"));
    lines.extend([String::new(), String::new()]);
    lines.join("\n")
}
