//! One call: admitted, given a fresh instance, metered, stopped when it takes too much, and thrown away.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Store, UpdateDeadline};

use crate::{
    error::CallError,
    imports::{config::PluginConfig, log::LogSink, wasi::WasiState},
    limits::{CallLimits, LimitHit, Limiter, Limits},
    versions::v0_1::{ClaimMapperPlugin, ClaimMapperPluginPre},
};

/// What the host knows while a guest runs.
pub(crate) struct CallContext {
    limiter: Limiter,
    log: LogSink,
    config: Arc<PluginConfig>,
    pub(crate) wasi: Option<Box<WasiState>>,
}

impl CallContext {
    pub fn config(&self) -> &PluginConfig {
        &self.config
    }

    pub fn log_sink(&mut self) -> &mut LogSink {
        &mut self.log
    }

    /// What the guest printed becomes lines of its log.
    fn hand_on_printed(&mut self) {
        let Some(wasi) = &self.wasi else { return };
        for (level, line) in wasi.take_printed() {
            self.log.line(level, &line, &[]);
        }
    }
}

/// Everything one call needs beside what it asks for.
pub(crate) struct Invocation<'a> {
    pub component: &'a ClaimMapperPluginPre<CallContext>,
    pub limits: CallLimits,
    pub config: Arc<PluginConfig>,
    pub log: LogSink,
    /// Admits calls of this plugin.
    pub admission: &'a Arc<Semaphore>,
}

/// What an export answers, while the guest runs.
pub(crate) type Answering<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

/// Runs calls within the limits that all of them share.
pub(crate) struct Caller {
    limits: Limits,
    admission: Arc<Semaphore>,
}

impl Caller {
    /// `slots` calls may run at once.
    pub fn new(limits: Limits, slots: u32) -> Self {
        Self {
            limits,
            admission: Arc::new(Semaphore::new(slots as usize)),
        }
    }

    /// Log lines of one call.
    pub fn log_lines(&self) -> u32 {
        self.limits.log_lines
    }

    /// Calls an export of a fresh instance.
    pub async fn call<T, F>(&self, invocation: Invocation<'_>, export: F) -> Result<T, CallError>
    where
        F: for<'a> FnOnce(&'a ClaimMapperPlugin, &'a mut Store<CallContext>) -> Answering<'a, T> + Send,
        T: Send,
    {
        let permits = self.admit(invocation.admission).await?;
        let meter = Arc::new(CpuMeter::reading(thread_cpu_nanos));
        let (component, limits) = (invocation.component, invocation.limits);
        let mut running = Running {
            store: self.store(invocation, Arc::clone(&meter)),
            _permits: permits,
        };
        let run = async {
            // A component's start functions run here already, so instantiation is metered too.
            let plugin = component.instantiate_async(&mut running.store).await?;
            export(&plugin, &mut running.store).await
        };
        let outcome = tokio::time::timeout(limits.wall, metered(&meter, run)).await;
        running.store.data_mut().hand_on_printed();
        give_back(running);
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(CallError::of(&error)),
            Err(_) => Err(LimitHit::Wall.into()),
        }
    }

    /// The plugin's own permit first: a plugin that queues for itself must not hold what others could use.
    async fn admit(&self, plugin: &Arc<Semaphore>) -> Result<[OwnedSemaphorePermit; 2], CallError> {
        let both = async {
            let own = Arc::clone(plugin).acquire_owned().await;
            let shared = Arc::clone(&self.admission).acquire_owned().await;
            Some([own.ok()?, shared.ok()?])
        };
        let admitted = tokio::time::timeout(self.limits.queue, both).await;
        admitted.ok().flatten().ok_or(CallError::Overloaded)
    }

    fn store(&self, invocation: Invocation<'_>, meter: Arc<CpuMeter>) -> Store<CallContext> {
        let context = CallContext {
            limiter: Limiter::new(invocation.limits.memory_bytes),
            log: invocation.log,
            config: invocation.config,
            wasi: None,
        };
        let mut store = Store::new(invocation.component.engine(), context);
        store.limiter(|context| &mut context.limiter);
        store.set_hostcall_fuel(self.limits.answer_bytes);
        store.set_max_component_handles(self.limits.handles);
        store.set_epoch_deadline(1);
        let budget = invocation.limits.cpu;
        store.epoch_deadline_callback(move |_| {
            if meter.spent() >= budget {
                return Err(LimitHit::Cpu.into());
            }
            // Not `Yield`: it would be polled again at once, before the sockets and timers of this thread.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store
    }
}

/// Fields drop in order: the permits come back when the instance has given its slot of the pool back.
struct Running {
    store: Store<CallContext>,
    _permits: [OwnedSemaphorePermit; 2],
}

/// Guest memory, in bytes, up to which clearing it costs less than handing it to another task and waking a thread for
/// that does: some ten microseconds.
const CLEARED_AT_ONCE: usize = 512 << 10;

/// Gives the instance's slot back. Where that takes longer than many a call, the answer does not wait for it.
fn give_back(running: Running) {
    if running.store.data().limiter.memory_bytes_used() <= CLEARED_AT_ONCE {
        drop(running);
    } else {
        tokio::spawn(async move { drop(running) });
    }
}

/// CPU time spent inside `poll`: a call that waits, or that the scheduler set aside, spends none.
struct CpuMeter {
    /// The clock: nanoseconds that this thread has spent.
    clock: fn() -> u64,
    before_nanos: AtomicU64,
    poll_began_nanos: AtomicU64,
}

impl CpuMeter {
    fn reading(clock: fn() -> u64) -> Self {
        Self {
            clock,
            before_nanos: AtomicU64::new(0),
            poll_began_nanos: AtomicU64::new(0),
        }
    }

    fn poll_begins(&self) {
        self.poll_began_nanos.store((self.clock)(), Ordering::Relaxed);
    }

    fn poll_ends(&self) {
        self.before_nanos.store(self.spent_nanos(), Ordering::Relaxed);
    }

    /// Only inside `poll`, on the thread that polls.
    fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent_nanos())
    }

    fn spent_nanos(&self) -> u64 {
        let began = self.poll_began_nanos.load(Ordering::Relaxed);
        let now = (self.clock)();
        self.before_nanos
            .load(Ordering::Relaxed)
            .saturating_add(now.saturating_sub(began))
    }
}

fn thread_cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = time
        .tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec);
    u64::try_from(nanos).unwrap_or(0)
}

async fn metered<F: Future>(meter: &CpuMeter, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        meter.poll_begins();
        let polled = future.as_mut().poll(context);
        meter.poll_ends();
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::oneshot;

    use super::*;

    thread_local! {
        /// What this thread has spent, by hand.
        static SPENT: Cell<u64> = const { Cell::new(0) };
    }

    fn spend(nanos: u64) {
        SPENT.set(SPENT.get() + nanos);
    }

    #[tokio::test]
    async fn only_what_the_call_itself_spends_is_counted() {
        let meter = CpuMeter::reading(|| SPENT.get());
        spend(100);
        let (done, waited_for) = oneshot::channel();
        let call = async {
            spend(3);
            waited_for.await.unwrap();
            spend(4);
            meter.spent()
        };
        let others = async {
            spend(1_000_000);
            done.send(()).unwrap();
        };
        let (inside, ()) = tokio::join!(metered(&meter, call), others);
        assert_eq!(inside, Duration::from_nanos(7), "while it runs");
        assert_eq!(meter.before_nanos.load(Ordering::Relaxed), 7, "afterwards");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_not_admitted_in_time_is_overload() {
        let caller = Caller::new(Limits::default(), 1);
        let plugin = Arc::new(Semaphore::new(8));
        let held = caller.admit(&plugin).await.unwrap();
        assert!(matches!(caller.admit(&plugin).await, Err(CallError::Overloaded)));
        drop(held);
        assert!(caller.admit(&plugin).await.is_ok());
    }
}
