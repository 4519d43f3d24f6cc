//! What a plugin may use: per call, per plugin and together.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The server's limits. The toml beside a component can lower some of them, nothing can raise them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of one call: the time its own code ran, waiting not included.
    pub cpu: Duration,
    /// Wall clock time of one call, from the moment it was admitted.
    pub wall: Duration,
    /// Linear memory of one call, all its memories together, in bytes.
    pub memory_bytes: usize,
    /// Bytes one transfer from the plugin to the server may hold: its answer, or the arguments of one import.
    pub answer_bytes: usize,
    /// Component-model handles alive at once.
    pub handles: usize,
    /// Log lines of one call; what its standard streams print counts too.
    pub log_lines: u32,
    /// Claims one answer may set, name and JSON value counted, in bytes over all targets.
    pub claims_bytes: usize,
    /// Changes one answer may hold.
    pub changes: usize,
    /// Calls running at once, over all plugins: the size of the instance pool.
    pub calls: u32,
    /// Calls of one plugin running at once.
    pub calls_per_plugin: u32,
    /// How long a call may wait to be admitted before it is refused as overload.
    pub queue: Duration,
    /// Size of a component, in bytes.
    pub component_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A call of a Rust plugin takes about 0.05 ms, of a JavaScript one 0.2 ms: ample, and still short.
            cpu: Duration::from_millis(50),
            wall: Duration::from_secs(2),
            memory_bytes: 64 << 20,
            answer_bytes: 1 << 20,
            handles: 1_000,
            log_lines: 100,
            // Far above any sane token; headers and cookies stop working much earlier.
            claims_bytes: 32 << 10,
            changes: 256,
            calls: 128,
            calls_per_plugin: 64,
            queue: Duration::from_secs(1),
            component_bytes: 32 << 20,
        }
    }
}

/// The limits of one plugin's calls, after its toml narrowed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallLimits {
    pub cpu: Duration,
    pub wall: Duration,
    pub memory_bytes: usize,
    pub concurrency: u32,
}

impl CallLimits {
    /// Whether each of these is at most what `other` allows.
    pub fn is_within(&self, other: &Self) -> bool {
        self.cpu <= other.cpu
            && self.wall <= other.wall
            && self.memory_bytes <= other.memory_bytes
            && self.concurrency <= other.concurrency
    }

    /// What applies when the toml says nothing.
    pub fn of(limits: &Limits) -> Self {
        Self {
            cpu: limits.cpu,
            wall: limits.wall,
            memory_bytes: limits.memory_bytes,
            concurrency: limits.calls_per_plugin,
        }
    }
}

/// A limit that a call ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitHit {
    /// [`Limits::cpu`].
    #[error("it used more CPU time than it may")]
    Cpu,
    /// [`Limits::wall`].
    #[error("it did not answer in time")]
    Wall,
    /// [`Limits::memory_bytes`].
    #[error("it asked for more memory than it may have")]
    Memory,
    /// The size of a table, 100 000 elements.
    #[error("it asked for a larger table than it may have")]
    Table,
}

/// Elements per table: the largest seen in a real plugin is 7 698.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;
/// Core instances of one call.
pub(crate) const CORE_INSTANCES: usize = 64;
/// Tables of one call.
pub(crate) const TABLES: usize = 32;
/// Linear memories of one call: plugins in JavaScript have up to three.
pub(crate) const MEMORIES: usize = 4;

/// Counts a store's memory. Every refusal is a typed error that ends the call: a guest that handles a failed
/// allocation could otherwise spin on it until its time is up.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes_left: usize,
    memory_bytes_used: usize,
}

impl Limiter {
    pub fn new(memory_bytes: usize) -> Self {
        Self {
            memory_bytes_left: memory_bytes,
            memory_bytes_used: 0,
        }
    }

    /// What the memories of the call have grown to, together.
    pub fn memory_bytes_used(&self) -> usize {
        self.memory_bytes_used
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        self.memory_bytes_left = self.memory_bytes_left.checked_sub(more).ok_or(LimitHit::Memory)?;
        self.memory_bytes_used = self.memory_bytes_used.saturating_add(more);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            return Err(LimitHit::Table.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut limiter = Limiter::new(3 << 16);
        assert!(limiter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(limiter.memory_growing(0, 1 << 16, None).unwrap());
        let error = limiter.memory_growing(2 << 16, 3 << 16, None).unwrap_err();
        assert_eq!(error.downcast_ref::<LimitHit>(), Some(&LimitHit::Memory));
        assert_eq!(
            limiter.memory_bytes_used(),
            3 << 16,
            "what was refused is not used"
        );
    }

    #[test]
    fn table_has_a_cap() {
        let mut limiter = Limiter::new(0);
        assert!(limiter.table_growing(0, TABLE_ELEMENTS, None).unwrap());
        assert!(limiter.table_growing(0, TABLE_ELEMENTS + 1, None).is_err());
    }
}
