//! Threads that do nothing but work: what a load on the processors is, without what made it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::{Context as _, Result};
use rustix::process::setpriority_process;

/// Threads with a standing of their own before the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// How many.
    pub count: usize,
    /// Their niceness (nice(2)).
    pub niceness: i32,
}

impl Threads {
    /// Those of a process that have this name.
    pub fn of_process(pid: u32, name: &str) -> Result<Self> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).context("the server is gone")?;
        let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        let niceness: Vec<_> = stats.filter_map(|stat| niceness_of(&stat, name)).collect();
        let first = niceness
            .first()
            .with_context(|| format!("no thread is called {name}"))?;
        Ok(Self {
            count: niceness.len(),
            niceness: *first,
        })
    }
}

/// Field 19 of proc_pid_stat(5), if the thread has this name.
fn niceness_of(stat: &str, name: &str) -> Option<i32> {
    let (before, rest) = stat.rsplit_once(')')?;
    let (_, comm) = before.split_once('(')?;
    (comm == name).then(|| rest.split_whitespace().nth(16)?.parse().ok())?
}

/// Threads at work; they end when it is dropped.
pub struct Burner {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burner {
    /// Starts them.
    pub fn start(threads: Threads) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let burn = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                // On Linux the standing is a thread's own, and nobody needs a right to step back.
                let _ = setpriority_process(None, threads.niceness);
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box((0..1_000u64).fold(0, u64::wrapping_add));
                }
            })
        };
        Self {
            threads: (0..threads.count).map(burn).collect(),
            stop: Arc::clone(&stop),
        }
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn niceness_is_read_of_threads_of_that_name() {
        let stat = "42 (password) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 30 5 30 10 1 0 100 1 1";
        assert_eq!(niceness_of(stat, "password"), Some(10));
        assert_eq!(niceness_of(stat, "pass"), None);
    }
}
