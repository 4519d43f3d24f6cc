//! Where everything worth counting or logging leaves the plugin host.

use std::time::Duration;

use authly_core::plugin::{PluginDigest, PluginName};

use crate::{CallError, Refusal};

/// Which plugin, exactly: enough to say which version of what touched a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginId {
    /// Its name.
    pub name: PluginName,
    /// The version it gives itself; empty while it has not been asked yet.
    pub version: String,
    /// Identity of component and toml.
    pub digest: PluginDigest,
    /// The generation; 0 for a candidate that is being checked.
    pub generation: i64,
}

/// How a call ended, as a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// Its patch was applied.
    Ok,
    /// Not admitted: too many calls at once.
    Overloaded,
    /// CPU time ran out.
    CpuLimit,
    /// It did not answer in time.
    WallLimit,
    /// It wanted too much memory, or too large a table.
    MemoryLimit,
    /// It trapped: a panic, a stack overflow, a memory error.
    Crash,
    /// Its answer was too large or malformed.
    AnswerRefused,
    /// Its patch named a claim it may not touch, or was too large.
    PatchRefused,
    /// It said itself that it failed.
    PluginError,
    /// It is desired, but this node could not load it.
    NotLoaded,
}

impl CallOutcome {
    /// Every outcome, for whoever declares metrics.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Overloaded,
        Self::CpuLimit,
        Self::WallLimit,
        Self::MemoryLimit,
        Self::Crash,
        Self::AnswerRefused,
        Self::PatchRefused,
        Self::PluginError,
        Self::NotLoaded,
    ];

    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Overloaded => "overloaded",
            Self::CpuLimit => "cpu_limit",
            Self::WallLimit => "wall_limit",
            Self::MemoryLimit => "memory_limit",
            Self::Crash => "crash",
            Self::AnswerRefused => "answer_refused",
            Self::PatchRefused => "patch_refused",
            Self::PluginError => "plugin_error",
            Self::NotLoaded => "not_loaded",
        }
    }
}

/// One call of a hook.
#[derive(Debug)]
pub struct CallReport<'a> {
    /// Who was called.
    pub plugin: &'a PluginId,
    /// The request it was called for.
    pub request_id: &'a str,
    /// How it ended.
    pub outcome: CallOutcome,
    /// What went wrong, for the log.
    pub error: Option<&'a CallError>,
    /// From the wish to call to the answer, waiting included.
    pub duration: Duration,
    /// The predecessor was called with the same input, because this young generation failed.
    pub falls_back: bool,
}

/// Something happened to what is loaded.
#[derive(Clone, Debug)]
pub enum LoadEvent {
    /// A generation serves from now on.
    Serving {
        /// Which.
        plugin: PluginId,
        /// Its machine code came from the cache or from what was loaded already.
        from_cache: bool,
        /// How long loading took.
        duration: Duration,
    },
    /// A candidate from the directory was refused. What served before goes on.
    Refused {
        /// The plugin.
        name: PluginName,
        /// The candidate; `None` when its files could not even be read.
        digest: Option<PluginDigest>,
        /// Why.
        reason: Refusal,
    },
    /// At this node's first look, its directory holds a candidate that stored history knows but does not desire.
    /// Storage's choice stands.
    KnownBefore {
        /// The plugin.
        name: PluginName,
        /// The candidate.
        digest: PluginDigest,
    },
    /// What storage desires could not be loaded here. What served before goes on; if nothing did, calls fail.
    Degraded {
        /// The plugin.
        name: PluginName,
        /// What should run.
        digest: PluginDigest,
        /// Why it does not.
        reason: Refusal,
    },
    /// A plugin was disabled.
    Disabled {
        /// The plugin.
        name: PluginName,
    },
    /// Cached machine code did not carry this server's seal, and was thrown away.
    CacheRefused {
        /// The file.
        file: String,
    },
    /// Storage did not answer; what is loaded goes on serving.
    StorageFailed {
        /// For the log.
        reason: String,
    },
}

/// How loud a plugin wants a line to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Finest.
    Trace,
    /// For whoever debugs the plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth a look.
    Warn,
    /// Somebody must act.
    Error,
}

/// A line a plugin logged or printed: cut, counted, and free of control characters.
#[derive(Debug)]
pub struct LogLine<'a> {
    /// Who.
    pub plugin: &'a PluginId,
    /// For which request; empty while the plugin is loaded.
    pub request_id: &'a str,
    /// How loud.
    pub level: LogLevel,
    /// What.
    pub message: &'a str,
    /// Structured fields.
    pub fields: &'a [(String, String)],
}

/// Takes metrics and log lines. Called on the request path: it must not block.
pub trait PluginObserver: Send + Sync {
    /// A hook was called.
    fn called(&self, report: &CallReport<'_>);
    /// What is loaded changed, or failed to.
    fn loaded(&self, event: &LoadEvent);
    /// A plugin logged a line.
    fn logged(&self, line: &LogLine<'_>);
}
