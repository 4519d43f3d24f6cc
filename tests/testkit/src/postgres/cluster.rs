//! One throw-away cluster: a directory, and a watchdog process that runs the server and outlives nobody.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use super::{
    SUPERUSER,
    install::{self, Account},
};

/// Directories of clusters are called this, the owner's process id, and something random.
const DIRECTORY_PREFIX: &str = "authly-postgres-";

const WATCHDOG: &str = include_str!("watchdog.sh");

/// Small and fast: nothing here has to survive a crash of the machine, but what was committed does survive a crash of
/// the server, hence no `synchronous_commit=off`.
pub(super) const FAST: &[&str] = &[
    // Reached by its socket only, in a directory that only its owner (and root) may enter: `trust` is safe there.
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "jit=off",
    "shared_buffers=32MB",
    "max_connections=200",
    "max_wal_size=512MB",
    "log_min_messages=warning",
];

/// PostgreSQL's own defaults, in particular what makes a commit durable: for measurements.
pub(super) const DURABLE: &[&str] = &["listen_addresses=", "max_connections=200"];

/// A cluster and the pipes to its watchdog. Dropping it closes them, upon which the watchdog stops the server and
/// removes the directory.
#[derive(Debug)]
pub(super) struct Cluster {
    directory: PathBuf,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Held so that its handle closes with ours.
    _watchdog: Child,
}

impl Cluster {
    /// Makes a cluster with these settings, and its watchdog. The server is not started yet.
    pub(super) fn create(settings: &[&str]) -> anyhow::Result<Self> {
        remove_stale(&env::temp_dir());
        let bin = install::find_bin_dir()?;
        let account = install::server_account()?;
        let directory = tempfile::Builder::new()
            .prefix(&format!("{DIRECTORY_PREFIX}{}-", process::id()))
            .tempdir()
            .context("cannot make a directory for PostgreSQL")?;
        if let Some(account) = account {
            chown(directory.path(), Some(account.uid), Some(account.gid))
                .with_context(|| format!("cannot give {} away", directory.path().display()))?;
        }
        init(&bin, directory.path(), account)?;
        let mut watchdog = spawn_watchdog(&bin, directory.path(), account, settings)?;
        // From here on the watchdog removes it.
        let directory = directory.keep();
        let commands = watchdog.stdin.take().context("the watchdog has no input")?;
        let answers = watchdog.stdout.take().context("the watchdog has no output")?;
        Ok(Self {
            directory,
            commands,
            answers: BufReader::new(answers),
            _watchdog: watchdog,
        })
    }

    /// The directory of the server's socket.
    pub(super) fn socket_dir(&self) -> &Path {
        &self.directory
    }

    /// Starts the server; it may take a moment to answer. Blocks for as long as a process takes to start.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        self.order("start", "started")
    }

    /// Stops the server at once, without a checkpoint. Blocks until it is gone.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        self.order("stop", "stopped")
    }

    fn order(&mut self, command: &str, expected: &str) -> anyhow::Result<()> {
        writeln!(self.commands, "{command}").context("PostgreSQL's watchdog is gone")?;
        let mut answer = String::new();
        self.answers
            .read_line(&mut answer)
            .context("PostgreSQL's watchdog is gone")?;
        ensure!(
            answer.trim() == expected,
            "PostgreSQL's watchdog answered {answer:?}"
        );
        Ok(())
    }
}

/// What the server of the cluster in `directory` said, for an error message.
pub(super) fn log_of(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}

/// The process id of the server of the cluster in `directory`, while it runs.
pub(super) fn postmaster_of(directory: &Path) -> Option<u32> {
    let text = fs::read_to_string(directory.join("data/postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}

fn init(bin: &Path, directory: &Path, account: Option<Account>) -> anyhow::Result<()> {
    // A linguistic collation, as most operators have: whoever relies on the order of bytes must say so in SQL.
    let output = as_account(&bin.join("initdb"), account)
        .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
        .args(["--locale-provider=icu", "--icu-locale=en"])
        .arg(format!("--username={SUPERUSER}"))
        .arg("--pgdata")
        .arg(directory.join("data"))
        .current_dir(directory)
        .output()
        .with_context(|| format!("cannot run {}", bin.join("initdb").display()))?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn spawn_watchdog(
    bin: &Path,
    directory: &Path,
    account: Option<Account>,
    settings: &[&str],
) -> anyhow::Result<Child> {
    let mut command = as_account(Path::new("/bin/sh"), account);
    command
        .arg("-c")
        .arg(WATCHDOG)
        .arg("authly-postgres")
        .arg(directory)
        .arg(bin);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command
        .arg("-c")
        .arg(format!("unix_socket_directories={}", directory.display()))
        // An interrupt from the terminal is for the tests; the watchdog follows when they end.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a watchdog for PostgreSQL")
}

fn as_account(program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(program);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// Removes clusters whose owner and watchdog were both killed. Best effort: another's cannot be removed, and one that
/// is just being removed by its watchdog is as good as removed.
fn remove_stale(temp: &Path) {
    let Ok(entries) = fs::read_dir(temp) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(owner_of) else {
            continue;
        };
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && !Path::new(&format!("/proc/{owner}")).exists() {
            stop_orphan(&entry.path());
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// The process id in the name of a cluster's directory.
fn owner_of(name: &str) -> Option<u32> {
    let (owner, _) = name.strip_prefix(DIRECTORY_PREFIX)?.split_once('-')?;
    owner.parse().ok()
}

/// Stops the server of a stale cluster, if the process is still that server: its command line names the directory.
fn stop_orphan(directory: &Path) {
    let data = directory.join("data");
    let Some(pid) = postmaster_of(directory) else {
        return;
    };
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let names_it = command_line
        .split(|byte| *byte == 0)
        .any(|argument| argument == data.as_os_str().as_encoded_bytes());
    if names_it {
        // The shell's own `kill`: the program is not on every machine.
        drop(
            Command::new("/bin/sh")
                .args(["-c", "kill -s QUIT \"$1\"", "sh", &pid.to_string()])
                .status(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_is_the_number_in_the_name() {
        assert_eq!(owner_of("authly-postgres-4711-Xy12"), Some(4711));
        assert_eq!(owner_of("authly-postgres-x-Xy12"), None);
        assert_eq!(owner_of("authly-4711-Xy12"), None);
    }

    #[test]
    fn stale_is_what_has_no_owner() {
        let temp = tempfile::tempdir().unwrap();
        // No process id is this large (PID_MAX_LIMIT is 2^22).
        let stale = temp.path().join(format!("{DIRECTORY_PREFIX}999999999-a"));
        let alive = temp.path().join(format!("{DIRECTORY_PREFIX}{}-a", process::id()));
        fs::create_dir_all(stale.join("data")).unwrap();
        fs::create_dir_all(&alive).unwrap();
        remove_stale(temp.path());
        assert!(!stale.exists());
        assert!(alive.exists());
    }
}
