//! The one engine of the process, and the thread that makes its clock tick.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use wasmtime::{
    Config, Enabled, Engine, EngineWeak, OptLevel, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::limits::{CORE_INSTANCES, Limits, MEMORIES, TABLE_ELEMENTS, TABLES};

/// How instances get their memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllocatorChoice {
    /// The pool, or a smaller pool, or on demand: whatever the machine's address space allows.
    #[default]
    Auto,
    /// The pool, or the server does not start.
    Pool,
    /// A mapping of its own per call: slower, and needs no address space ahead.
    OnDemand,
}

/// What [`AllocatorChoice`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// A pool that serves this many calls at once.
    Pool {
        /// Calls at once.
        slots: u32,
    },
    /// On demand.
    OnDemand,
}

/// A guest's code looks at the epoch at every loop and call, and comes up for air when it moved.
const TICK: Duration = Duration::from_millis(2);
/// Below this a pool is not worth its name.
const SLOTS_MIN: u32 = 8;

/// The engine and its ticker.
pub(crate) struct Runtime {
    pub engine: Engine,
    pub allocator: Allocator,
    ticker: Ticker,
}

impl Runtime {
    /// Builds the engine. With [`AllocatorChoice::Auto`] it tries ever smaller pools, then none, and says so.
    pub fn start(choice: AllocatorChoice, limits: &Limits) -> wasmtime::Result<Self> {
        let (engine, allocator) = match choice {
            AllocatorChoice::OnDemand => (Engine::new(&config())?, Allocator::OnDemand),
            AllocatorChoice::Pool => pooled(limits, limits.calls)?,
            AllocatorChoice::Auto => probed(limits)?,
        };
        let ticker = Ticker::start(engine.weak())?;
        Ok(Self {
            engine,
            allocator,
            ticker,
        })
    }

    /// How often the clock has ticked. One that stands still means that no time limit holds any more.
    pub fn ticks(&self) -> u64 {
        self.ticker.ticks.load(Ordering::Relaxed)
    }
}

fn probed(limits: &Limits) -> wasmtime::Result<(Engine, Allocator)> {
    let mut slots = limits.calls;
    loop {
        let error = match pooled(limits, slots) {
            Ok(found) => {
                if slots < limits.calls {
                    tracing::warn!(
                        wanted = limits.calls,
                        slots,
                        "plugin instance pool is smaller than configured"
                    );
                }
                return Ok(found);
            }
            Err(error) => error,
        };
        slots /= 2;
        if slots < SLOTS_MIN {
            tracing::warn!(
                reason = format!("{error:#}"),
                "no plugin instance pool: address space is short; every call maps its own memory"
            );
            return Ok((Engine::new(&config())?, Allocator::OnDemand));
        }
    }
}

fn pooled(limits: &Limits, slots: u32) -> wasmtime::Result<(Engine, Allocator)> {
    let mut config = config();
    config.allocation_strategy(pool(limits, slots));
    Ok((Engine::new(&config)?, Allocator::Pool { slots }))
}

/// What every component is compiled with; the key of the code cache covers it.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_stack_switching(false)
        .wasm_relaxed_simd(false)
        .wasm_gc(false)
        .gc_support(false)
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(512 << 10)
        // Address space only, until touched; must hold the guest's stack and the host functions' frames.
        .async_stack_size(1 << 20)
        // Stacks are reused between calls.
        .async_stack_zeroing(true)
        .cranelift_opt_level(OptLevel::Speed)
        // One plugin that is compiled must not take every core from the requests.
        .parallel_compilation(false)
        .memory_init_cow(true)
        // An image above this size would silently be copied for every call.
        .memory_guaranteed_dense_image_size(64 << 20)
        .table_lazy_init(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .generate_address_map(true);
    config
}

/// How many free slots each part of the pool keeps for the plugins that used them last.
const WARM_PER_PART: usize = 8;
/// The pool is in as many parts as there are cores, and in no more than this.
const PARTS_MAX: usize = 16;
/// What a memory keeps after a call, at most, in bytes.
const KEPT_BYTES: usize = 2 << 20;

/// How many free slots may be warm before one that another plugin used is taken rather than a fresh one.
fn warm(slots: u32) -> u32 {
    let parts = std::thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(PARTS_MAX);
    u32::try_from(parts * WARM_PER_PART).map_or(slots, |warm| warm.min(slots))
}

/// The pool's limits.
///
/// What it keeps of memory between calls: each memory that was ever used up to [`KEPT_BYTES`], which only guests that
/// touch so much reach. So many are used as calls ever ran at the same time, or as [`warm`] says if that is more. At
/// worst that is every slot: 256 MiB with the 128 calls of [`Limits::default`] and one memory each, after that many
/// calls of large guests at once. A smaller [`Limits::calls`] makes it less.
fn pool(limits: &Limits, slots: u32) -> PoolingAllocationConfig {
    let per_component = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_stacks(slots)
        .total_core_instances(slots.saturating_mul(8))
        // Every call may have as many as one component may: address space only, until touched.
        .total_memories(slots.saturating_mul(per_component(MEMORIES)))
        .total_tables(slots.saturating_mul(8))
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_core_instances_per_component(per_component(CORE_INSTANCES))
        .max_memories_per_component(per_component(MEMORIES))
        .max_tables_per_component(per_component(TABLES))
        .max_memories_per_module(1)
        .max_tables_per_module(4)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(limits.memory_bytes)
        .max_unused_warm_slots(warm(slots))
        // At once: what is put off is not used meanwhile, and calls would go through so many stacks in turn, each as
        // cold as the last. That costs more than the system calls that are saved.
        .decommit_batch_size(1)
        // Clearing this much is cheaper than giving it back and faulting it in again.
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(32 << 10)
        .pagemap_scan(Enabled::No);
    pool
}

/// Moves the epoch from a thread of its own: a task of the executor could be starved by the very guest it must stop.
struct Ticker {
    ticks: Arc<AtomicU64>,
    /// Dropped with the runtime; the thread sees it and ends.
    _stop: mpsc::Sender<()>,
}

impl Ticker {
    fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let ticks = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = mpsc::channel::<()>();
        let counter = Arc::clone(&ticks);
        std::thread::Builder::new()
            .name("plugin-epoch".to_owned())
            .spawn(move || {
                while matches!(stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout)) {
                    let Some(engine) = engine.upgrade() else { return };
                    engine.increment_epoch();
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            })?;
        Ok(Self { ticks, _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::{Instance, Module, Store};

    use super::*;

    #[test]
    fn every_allocator_starts() {
        let limits = Limits {
            calls: 8,
            ..Limits::default()
        };
        for choice in [
            AllocatorChoice::Auto,
            AllocatorChoice::Pool,
            AllocatorChoice::OnDemand,
        ] {
            assert!(Runtime::start(choice, &limits).is_ok(), "{choice:?}");
        }
    }

    #[test]
    fn every_slot_of_the_pool_holds_as_many_memories_as_a_component_may_have() {
        let limits = Limits {
            calls: 8,
            ..Limits::default()
        };
        let runtime = Runtime::start(AllocatorChoice::Pool, &limits).unwrap();
        // A memory of one page, and nothing else.
        let module = Module::new(&runtime.engine, b"\0asm\x01\0\0\0\x05\x03\x01\x00\x01").unwrap();
        let calls: Vec<_> = (0..limits.calls)
            .map(|_| {
                let mut store = Store::new(&runtime.engine, ());
                store.set_epoch_deadline(1_000_000);
                for _ in 0..MEMORIES {
                    Instance::new(&mut store, &module, &[]).unwrap();
                }
                store
            })
            .collect();
        assert_eq!(calls.len(), 8);
    }

    #[test]
    fn a_pool_too_large_for_the_address_space_is_halved_until_it_fits() {
        let limits = Limits {
            calls: 200_000,
            ..Limits::default()
        };
        let runtime = Runtime::start(AllocatorChoice::Auto, &limits).unwrap();
        match runtime.allocator {
            Allocator::Pool { slots } => assert!(slots < limits.calls),
            Allocator::OnDemand => {}
        }
        assert!(Runtime::start(AllocatorChoice::Pool, &limits).is_err());
    }
}
