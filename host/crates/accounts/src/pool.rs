//! A bounded pool of OS threads for work that takes tens of milliseconds of CPU and tens of megabytes of memory.
//!
//! Both bounds are the point: the threads bound the memory and leave the async workers alone, the queue bounds how
//! long a caller can wait. What does not fit is refused at once.
//!
//! The threads stand behind every other thread of the process ([`NICENESS`]): a storm of sign-ins would otherwise take
//! its turns between the token requests, each a thousand times as long as one of them.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::argon::Memory;

/// How far the threads stand behind the rest of the process with the scheduler (nice(2)). A processor that others want
/// as well gives them a tenth of what it gives those: the others barely notice, and a full queue of the default length
/// still moves within the time a request may take. At the far end of the scale it would stand still.
const NICENESS: i32 = 10;
/// The end of the scale.
const NICENESS_MAX: i32 = 19;

/// Why a job gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolError {
    /// The queue is full.
    Full,
    /// The job died, or the pool is being dropped.
    Lost,
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads end when the pool is dropped, after what is queued.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    capacity: usize,
    idle: Duration,
    resident_bytes: AtomicUsize,
}

struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    /// Starts `threads` threads with room for `capacity` waiting jobs. A thread that finds no job for `idle` gives
    /// its memory back.
    pub(crate) fn start(threads: usize, capacity: usize, idle: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            capacity,
            idle,
            resident_bytes: AtomicUsize::new(0),
        });
        // Dropped on a failure half-way, so that the threads that did start end.
        let pool = Self {
            shared: Arc::clone(&shared),
        };
        for _ in 0..threads {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("password".to_owned())
                .spawn(move || {
                    step_back();
                    shared.work();
                })?;
        }
        Ok(pool)
    }

    /// Runs a job and waits for it. If the caller goes away before its turn, the job is not run.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Box::new(move |memory| {
            if !reply.is_closed() {
                // Gone by now: there is nobody to tell.
                let _ = reply.send(job(memory));
            }
        }))?;
        answer.await.map_err(|_| PoolError::Lost)
    }

    fn enqueue(&self, job: Job) -> Result<(), PoolError> {
        let mut queue = self.shared.lock();
        if queue.jobs.len() >= self.shared.capacity {
            return Err(PoolError::Full);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// How much memory the threads hold now, in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.shared.resident_bytes.load(Ordering::Relaxed)
    }
}

/// Puts the calling thread behind the others. On Linux niceness is a thread's; elsewhere it would be the process's.
#[cfg(target_os = "linux")]
fn step_back() {
    use rustix::process::{getpriority_process, setpriority_process};
    let behind = |own: i32| setpriority_process(None, own.saturating_add(NICENESS).min(NICENESS_MAX));
    if let Err(error) = getpriority_process(None).and_then(behind) {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(
            error,
            "the threads that hash passwords run with the priority of all others"
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // A job never runs under the lock, so a poisoned queue is still a whole one.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's life.
    fn work(&self) {
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            let before = memory.bytes();
            if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
                tracing::error!("a password job panicked; its caller was told that it failed");
            }
            memory.trim();
            self.account(before, memory.bytes());
        }
        self.account(memory.bytes(), 0);
        memory.release();
    }

    /// Waits for a job; `None` when the pool is closed and the queue empty.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            if memory.bytes() == 0 {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (guard, wait) = self
                .changed
                .wait_timeout(queue, self.idle)
                .unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if wait.timed_out() && queue.jobs.is_empty() {
                drop(queue);
                self.account(memory.bytes(), 0);
                memory.release();
                queue = self.lock();
            }
        }
    }

    fn account(&self, before: usize, after: usize) {
        self.resident_bytes.fetch_add(after, Ordering::Relaxed);
        self.resident_bytes.fetch_sub(before, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argon;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_hours(1);

    /// Occupies the one thread until the sender is dropped; returns once the thread is at it.
    fn occupy(pool: &Pool) -> mpsc::Sender<()> {
        let (hold, until_dropped) = mpsc::channel::<()>();
        let (at_it, started) = mpsc::channel();
        pool.enqueue(Box::new(move |_| {
            at_it.send(()).unwrap();
            let _ = until_dropped.recv();
        }))
        .unwrap();
        started.recv().unwrap();
        hold
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_at_once() {
        let pool = Pool::start(1, 2, LONG).unwrap();
        let hold = occupy(&pool);
        let waiting = async { tokio::join!(pool.run(|_| 1), pool.run(|_| 2), pool.run(|_| 3)) };
        let release = async { drop(hold) };
        let ((first, second, third), ()) = tokio::join!(waiting, release);
        assert_eq!((first, second, third), (Ok(1), Ok(2), Err(PoolError::Full)));
    }

    #[tokio::test]
    async fn job_of_a_caller_that_went_away_is_not_run() {
        let pool = Pool::start(1, 2, LONG).unwrap();
        let hold = occupy(&pool);
        let (ran, runs) = mpsc::channel::<()>();
        {
            let mut call = Box::pin(pool.run(move |_| ran.send(()).unwrap()));
            // Queued by the first poll, then dropped.
            assert!(futures_poll_once(call.as_mut()).await);
        }
        drop(hold);
        assert_eq!(pool.run(|_| 5).await, Ok(5));
        assert!(runs.recv().is_err(), "the sender was dropped unused");
    }

    async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> bool {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut future).poll(cx).is_pending())
        })
        .await
    }

    #[tokio::test]
    async fn panic_loses_its_own_answer_only() {
        let pool = Pool::start(1, 1, LONG).unwrap();
        let lost: Result<(), PoolError> = pool.run(|_| panic!("boom")).await;
        assert_eq!(lost, Err(PoolError::Lost));
        assert_eq!(pool.run(|_| 1).await, Ok(1));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn jobs_stand_behind_the_thread_that_made_the_pool() {
        use rustix::process::getpriority_process;
        let own = getpriority_process(None).unwrap();
        let pool = Pool::start(1, 1, LONG).unwrap();
        let of_job = pool.run(|_| getpriority_process(None)).await.unwrap();
        assert_eq!(of_job, Ok((own + NICENESS).min(NICENESS_MAX)));
        assert_eq!(
            getpriority_process(None),
            Ok(own),
            "everybody else stays where they were"
        );
    }

    #[tokio::test]
    async fn idle_thread_gives_its_memory_back_and_a_busy_one_keeps_it() {
        let hash = |memory: &mut Memory| argon::hash(b"x", &[0; argon::SALT_BYTES], memory).is_ok();
        let busy = Pool::start(1, 1, LONG).unwrap();
        assert_eq!(busy.run(hash).await, Ok(true));
        // A second job begins after the first one's memory was counted.
        assert_eq!(busy.run(|memory| memory.bytes()).await, Ok(19 << 20));
        assert_eq!(busy.resident_bytes(), 19 << 20);

        let idle = Pool::start(1, 1, Duration::from_millis(1)).unwrap();
        assert_eq!(idle.run(hash).await, Ok(true));
        let released = async {
            while idle.run(|memory| memory.bytes()).await != Ok(0) || idle.resident_bytes() != 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), released)
            .await
            .expect("memory is released");
    }
}
