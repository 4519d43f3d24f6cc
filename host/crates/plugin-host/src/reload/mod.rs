//! How a new version comes in: noticed, read, checked, proposed to storage, and served by every node that converges.

mod converge;
mod directory;
mod pipeline;
mod propose;
mod rollback;
pub(crate) mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use authly_core::plugin::{PluginDigest, PluginName};
use tokio::time::Instant;

use self::directory::Stamps;

pub use pipeline::candidate_digest;
pub use propose::{Proposal, ProposalOutcome};

/// Quiet for this long means that whoever writes has finished with both files.
const SETTLE: Duration = Duration::from_millis(250);

/// When the directory is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scan {
    /// Whoever asks knows that the files are whole, or there is nothing yet that could serve meanwhile.
    Now,
    /// Only pairs that have kept still for [`SETTLE`] at this moment are taken.
    Settled(Instant),
}

/// What a pair looked like, and since when.
struct Look {
    stamps: Stamps,
    since: Instant,
    /// It has been taken as it is.
    taken: bool,
}

/// What the reload path remembers between runs.
#[derive(Default)]
pub(crate) struct ReloadState {
    /// The pair that each name in the directory had when it was last dealt with.
    seen: BTreeMap<PluginName, PluginDigest>,
    /// Those of them that this server's policy or version refused.
    refused_by_server: BTreeSet<PluginName>,
    /// The names whose files this node has dealt with at least once since it started. A change of files can only be
    /// seen by who has seen them before.
    looked_at: BTreeSet<PluginName>,
    /// What could not be read, so that it is reported once.
    unreadable: BTreeMap<String, String>,
    /// The last look at each pair.
    looks: BTreeMap<String, Look>,
    /// The pairs whose toml has been there.
    with_toml: BTreeSet<String>,
    /// What is loaded was judged by an earlier policy.
    pub(crate) policy_changed: bool,
}

impl ReloadState {
    /// Remembers what a pair looks like. Answers whether it may be taken.
    fn look(&mut self, stem: &str, stamps: Stamps, scan: Scan) -> bool {
        if stamps.has_toml() {
            self.with_toml.insert(stem.to_owned());
        }
        let (since, asks_now) = match scan {
            Scan::Now => (Instant::now(), true),
            Scan::Settled(now) => (now, false),
        };
        let fresh = || Look {
            stamps,
            since,
            taken: false,
        };
        let look = self.looks.entry(stem.to_owned()).or_insert_with(fresh);
        if look.stamps != stamps {
            *look = fresh();
        }
        look.taken |= asks_now || since.saturating_duration_since(look.since) >= SETTLE;
        look.taken
    }

    /// What is loaded is to be judged again, and so is what was refused by the policy before.
    pub(crate) fn change_policy(&mut self) {
        self.policy_changed = true;
        for name in std::mem::take(&mut self.refused_by_server) {
            self.seen.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn stamps(dir: &Path) -> Stamps {
        directory::look(dir).unwrap().remove(0).1
    }

    #[test]
    fn a_pair_is_taken_once_both_files_have_kept_still() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
        let start = Instant::now();
        let mut state = ReloadState::default();
        let mut look = |at_ms: u64| {
            let now = start + Duration::from_millis(at_ms);
            state.look("a", stamps(dir.path()), Scan::Settled(now))
        };
        write("a.wasm", "half");
        assert!(!look(0), "the first look");
        assert!(!look(249));
        write("a.wasm", "a whole one");
        assert!(!look(250), "it has grown");
        write("a.toml", "x");
        assert!(!look(501), "its toml has come");
        assert!(!look(750));
        assert!(look(751));
        assert!(look(752), "it is still the same");
        fs::remove_file(dir.path().join("a.toml")).unwrap();
        assert!(!look(2_000));
    }

    #[test]
    fn what_was_taken_as_it_is_needs_no_second_look() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.wasm"), "1").unwrap();
        let mut state = ReloadState::default();
        assert!(state.look("a", stamps(dir.path()), Scan::Now));
        assert!(state.look("a", stamps(dir.path()), Scan::Settled(Instant::now())));
        fs::write(dir.path().join("a.wasm"), "12").unwrap();
        assert!(!state.look("a", stamps(dir.path()), Scan::Settled(Instant::now())));
    }
}
