//! When to look: at a hint of the file system, and every so often without one.
//!
//! The directory is watched, not the files: editors and deployments replace files by renaming, and Kubernetes swaps a
//! link beside them.

use std::{sync::Arc, time::Duration};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{ProposalOutcome, SETTLE, Scan, directory};
use crate::{host::Inner, observer::LoadEvent};

/// After this many hints in a row, each within [`SETTLE`], the directory is looked at anyway.
const HINTS_MAX: u32 = 40;

/// Runs until it is aborted.
pub(crate) async fn run(host: Arc<Inner>, poll_interval: Duration) {
    let hint = Arc::new(Notify::new());
    let mut watcher = None;
    let mut poll = interval(poll_interval.max(SETTLE));
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if watcher.is_none() {
            watcher = watch(&host, &hint);
        }
        tokio::select! {
            () = hint.notified() => settle(&host, &hint).await,
            _ = poll.tick() => converge(&host).await,
        }
        if propose(&host).await {
            hint.notify_one();
        }
    }
}

/// `None`: the directory is not there yet, or this file system gives no hints. The poll finds changes all the same.
fn watch(host: &Inner, hint: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let dir = host.dir.as_ref()?;
    let hint = Arc::clone(hint);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            hint.notify_one();
        }
    })
    .ok()?;
    watcher.watch(dir, RecursiveMode::NonRecursive).ok()?;
    Some(watcher)
}

/// Waits for quiet, and remembers what the pairs look like when it begins: file systems need not hint at every change.
async fn settle(host: &Inner, hint: &Notify) {
    for _ in 0..HINTS_MAX {
        look(host).await;
        if timeout(SETTLE, hint.notified()).await.is_err() {
            return;
        }
    }
}

async fn look(host: &Inner) {
    let Some(dir) = host.dir.clone() else { return };
    let looked = tokio::task::spawn_blocking(move || directory::look(&dir)).await;
    let Ok(Ok(pairs)) = looked else { return };
    let mut state = host.reload.lock().await;
    let now = Instant::now();
    for (stem, stamps) in pairs {
        state.look(&stem, stamps, Scan::Settled(now));
    }
}

async fn converge(host: &Arc<Inner>) {
    let mut state = host.reload.lock().await;
    if let Err(error) = host.converge(&mut state).await {
        host.tell(&LoadEvent::StorageFailed {
            reason: error.to_string(),
        });
    }
}

/// Whether somebody is still writing.
async fn propose(host: &Arc<Inner>) -> bool {
    let mut state = host.reload.lock().await;
    let proposals = host.propose(&mut state, Scan::Settled(Instant::now())).await;
    proposals
        .iter()
        .any(|proposal| proposal.outcome == ProposalOutcome::unsettled())
}
