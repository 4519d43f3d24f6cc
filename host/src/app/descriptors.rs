//! File descriptors: every connection takes one, and a process that has none left cannot accept, log or open its
//! database.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::web::ServerLimits;

/// Descriptors that connections must leave: database, plugins, listener, standard streams, and room to spare.
const RESERVE: u64 = 128;

/// The limits, with no more connections than the process may open, after it has asked for all it may have.
pub(super) fn fit(mut limits: ServerLimits) -> ServerLimits {
    let descriptors = raise();
    let affordable = affordable(limits.connections_max, descriptors);
    if affordable < limits.connections_max {
        tracing::warn!(
            configured = limits.connections_max,
            used = affordable,
            open_files = descriptors,
            "server.connections_max is more than the limit of open files allows, so fewer are used: raise the limit \
             (LimitNOFILE= in systemd, --ulimit nofile= in a container, ulimit -n in a shell) or lower the setting"
        );
        limits.connections_max = affordable;
    }
    limits
}

/// Raises the soft limit to the hard one; answers what holds now, `None` for no limit.
fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    if limit.current != limit.maximum {
        match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit = raised,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot raise the limit of open files to its hard limit");
            }
        }
    }
    limit.current
}

/// How many of the connections fit, at least one.
fn affordable(connections: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else {
        return connections;
    };
    let free = descriptors.saturating_sub(RESERVE).max(1);
    usize::try_from(free).map_or(connections, |free| connections.min(free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_the_reserve() {
        for (connections, descriptors, fit) in [
            (8_192, None, 8_192),
            (8_192, Some(65_536), 8_192),
            (8_192, Some(8_192 + RESERVE), 8_192),
            (8_192, Some(1_024), 896),
            (100, Some(1_024), 100),
            (100, Some(64), 1),
        ] {
            assert_eq!(affordable(connections, descriptors), fit, "{descriptors:?}");
        }
    }
}
