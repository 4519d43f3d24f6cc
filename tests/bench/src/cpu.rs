//! Processor time, as the kernel counts it for processes.

use std::{fs, time::Duration};

/// What `/proc/PID/stat` counts in: USER_HZ, which Linux fixes at 100 per second for every architecture we build for.
const TICK: Duration = Duration::from_millis(10);

/// The numbers of `/proc/PID/stat` we look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of the process, its ended threads included.
    own: u64,
    /// The same of its ended children.
    children: u64,
}

/// User and system time of a process so far; `None` when it is gone.
pub fn of_process(pid: u32) -> Option<Duration> {
    Some(ticks(stat(pid)?.own))
}

/// User and system time of this process so far.
pub fn of_this_process() -> Duration {
    of_process(std::process::id()).unwrap_or_default()
}

/// User and system time of a process and its children, those that ended included; `None` when it is gone.
pub fn of_family(pid: u32) -> Option<Duration> {
    let head = stat(pid)?;
    let alive = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let alive = alive.filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?));
    let children = alive.filter(|child| child.parent == pid);
    let time = |of: Stat| of.own + of.children;
    Some(ticks(time(head) + children.map(time).sum::<u64>()))
}

/// What every process of the machine took so far, and what its host took from it; `None` where the kernel does not say.
pub fn of_machine() -> Option<Duration> {
    Some(ticks(busy(&fs::read_to_string("/proc/stat").ok()?)?))
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn busy(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times = line.split_whitespace().take(8).map(str::parse::<u64>);
    let times: Vec<_> = times.collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _, _, irq, softirq, steal] = times.as_slice() else {
        return None;
    };
    Some(user + nice + system + irq + softirq + steal)
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse(line: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    // Fields 14 to 17 of proc_pid_stat(5): utime, stime, cutime, cstime.
    let mut times = fields.skip(9).map(str::parse::<u64>);
    let mut next = || times.next()?.ok();
    Some(Stat {
        parent,
        own: next()? + next()?,
        children: next()? + next()?,
    })
}

fn ticks(count: u64) -> Duration {
    TICK.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_moves_no_field() {
        let line = "42 (post (gres) x) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 30 5 20 0 1 0 100 1 1";
        let stat = parse(line).unwrap();
        assert_eq!(
            stat,
            Stat {
                parent: 7,
                own: 175,
                children: 35
            }
        );
        assert_eq!(ticks(stat.own), Duration::from_millis(1_750));
    }

    #[test]
    fn waiting_is_not_busy() {
        let stat = "cpu  100 1 50 9000 400 2 3 4 0 0\ncpu0 50 0 25 4500 200 1 1 2 0 0\n";
        assert_eq!(busy(stat), Some(160));
        assert_eq!(busy("intr 1 2 3"), None);
    }

    #[test]
    fn a_process_that_is_gone_has_no_time() {
        // No process id is this large (PID_MAX_LIMIT is 2^22).
        assert_eq!(of_process(u32::MAX), None);
        assert_eq!(of_family(u32::MAX), None);
    }

    #[test]
    fn a_family_counts_its_head() {
        let own = std::process::id();
        assert!(of_family(own) >= of_process(own));
    }
}
