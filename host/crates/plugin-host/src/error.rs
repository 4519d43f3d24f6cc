//! Why a call failed, and why a component was refused.

use authly_core::{StorageError, ports::HookError};
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::{
    limits::LimitHit,
    observer::CallOutcome,
    patch::PatchError,
    text::{TEXT_BYTES_MAX, clean},
};

/// Why a call gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Not admitted within [`Limits::queue`](crate::Limits::queue), or the instance pool was full.
    #[error("too many plugin calls at once")]
    Overloaded,
    /// A limit of the call.
    #[error(transparent)]
    Limit(#[from] LimitHit),
    /// It trapped.
    #[error("it crashed: {0}")]
    Crash(String),
    /// The answer, or the arguments of an import, were larger than
    /// [`Limits::answer_bytes`](crate::Limits::answer_bytes) or do not fit the contract's types.
    #[error("its answer is too large or malformed: {0}")]
    Answer(String),
    /// The patch was refused.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// It said itself that it failed.
    #[error("it reports: {0}")]
    Plugin(PluginFailure),
    /// Storage desires it, but this node could not load it.
    #[error("it is not loaded: {0}")]
    NotLoaded(String),
}

/// What a plugin says when it fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginFailure {
    /// Input or configuration is unusable to it.
    #[error("invalid input or configuration: {0}")]
    Invalid(String),
    /// Something it depends on is away.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A bug, or a failure this version of the contract has no name for.
    #[error("internal error: {0}")]
    Internal(String),
}

impl CallError {
    /// Sorts what the engine says. Typed where the engine has types; what is left are answers that do not lift.
    pub(crate) fn of(error: &wasmtime::Error) -> Self {
        if let Some(&limit) = error.downcast_ref::<LimitHit>() {
            return Self::Limit(limit);
        }
        if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
            return Self::Overloaded;
        }
        match error.downcast_ref::<Trap>() {
            Some(&trap) => Self::Crash(crash_text(trap)),
            None => Self::Answer(clean(&error.root_cause().to_string(), TEXT_BYTES_MAX)),
        }
    }

    /// The metric's label.
    pub fn outcome(&self) -> CallOutcome {
        match self {
            Self::Overloaded => CallOutcome::Overloaded,
            Self::Limit(LimitHit::Cpu) => CallOutcome::CpuLimit,
            Self::Limit(LimitHit::Wall) => CallOutcome::WallLimit,
            Self::Limit(LimitHit::Memory | LimitHit::Table) => CallOutcome::MemoryLimit,
            Self::Crash(_) => CallOutcome::Crash,
            Self::Answer(_) => CallOutcome::AnswerRefused,
            Self::Patch(_) => CallOutcome::PatchRefused,
            Self::Plugin(_) => CallOutcome::PluginError,
            Self::NotLoaded(_) => CallOutcome::NotLoaded,
        }
    }

    /// What the use case gets to know: overload and outages may pass, everything else will fail again.
    pub(crate) fn hook_error(&self, plugin: &str) -> HookError {
        let (plugin, reason) = (plugin.to_owned(), self.to_string());
        match self {
            Self::Overloaded | Self::Plugin(PluginFailure::Unavailable(_)) => {
                HookError::Unavailable { plugin, reason }
            }
            _ => HookError::Failed { plugin, reason },
        }
    }

    /// Whether the same call may well succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Limit(LimitHit::Wall))
    }
}

fn crash_text(trap: Trap) -> String {
    match trap {
        Trap::UnreachableCodeReached => "it panicked (see its log lines)".to_owned(),
        // Code compiled by LLVM overflows its own stack in linear memory first.
        Trap::MemoryOutOfBounds | Trap::StackOverflow => "stack overflow or memory error".to_owned(),
        other => other.to_string(),
    }
}

/// Why a component may not serve, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    message: String,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The candidate itself.
    Candidate,
    /// This server's policy or version.
    Server,
    /// Something that passes.
    Passing,
}

impl Refusal {
    /// Refused for what it is, until the candidate changes.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::because(Cause::Candidate, message)
    }

    /// Refused by this server's policy or for what this version of it offers: another one may take the same candidate.
    pub(crate) fn by_server(message: impl Into<String>) -> Self {
        Self::because(Cause::Server, message)
    }

    /// Refused for now.
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::because(Cause::Passing, message)
    }

    fn because(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            message: clean(&message.into(), TEXT_BYTES_MAX),
            cause,
        }
    }

    /// Whether it will be tried again without a change.
    pub fn is_transient(&self) -> bool {
        self.cause == Cause::Passing
    }

    /// Whether this server's policy or version is why.
    pub(crate) fn is_by_server(&self) -> bool {
        self.cause == Cause::Server
    }
}

/// Why the plugin host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine does not work on this machine.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The desired state of plugins could not be read.
    #[error("the state of plugins cannot be read")]
    Storage(#[from] StorageError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_cut_and_cleaned() {
        let text = Refusal::new(format!("a\0b\u{1b}[31m\n{}", "x".repeat(10_000))).to_string();
        assert!(text.starts_with("a\\u{0}b\\u{1b}[31m\\nxxx"), "{text}");
        assert!(text.len() < 1_200);
    }
}
