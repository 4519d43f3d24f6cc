//! Where PostgreSQL is installed, and as whom it may run.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

/// The oldest major version Authly supports.
const VERSION_MIN: u32 = 15;

/// Where Debian puts each major version: `VERSION/bin` below it.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// A user and a group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The directory with `initdb` and `postgres` of the newest version that is new enough.
pub(super) fn find_bin_dir() -> anyhow::Result<PathBuf> {
    newest_below(Path::new(DEBIAN_ROOT))
        .or_else(bin_dir_of_pg_config)
        .with_context(|| {
            format!(
                "PostgreSQL {VERSION_MIN} or newer is not installed, and these tests need its server programs. \
                 On Debian: apt-get install postgresql"
            )
        })
}

fn newest_below(root: &Path) -> Option<PathBuf> {
    fs::read_dir(root)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(version, bin)| *version >= VERSION_MIN && holds_a_server(bin))
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
}

/// For installations elsewhere: whatever `pg_config` in the search path says.
fn bin_dir_of_pg_config() -> Option<PathBuf> {
    let answer = |argument: &str| -> Option<String> {
        let output = Command::new("pg_config").arg(argument).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    let bin = PathBuf::from(answer("--bindir")?);
    let version = major_version(&answer("--version")?)?;
    (version >= VERSION_MIN && holds_a_server(&bin)).then_some(bin)
}

fn holds_a_server(bin: &Path) -> bool {
    bin.join("postgres").is_file() && bin.join("initdb").is_file()
}

/// `PostgreSQL 15.19 (Debian 15.19-0+deb12u1)` → 15.
fn major_version(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The account to run the server as: `None` is the caller's own. PostgreSQL refuses root.
pub(super) fn server_account() -> anyhow::Result<Option<Account>> {
    let own = fs::metadata("/proc/self")
        .context("cannot read /proc/self")?
        .uid();
    if own != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    for name in ["postgres", "nobody"] {
        if let Some(account) = account_of(&passwd, name) {
            return Ok(Some(account));
        }
    }
    bail!(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    )
}

fn account_of(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_the_number_after_the_name() {
        assert_eq!(
            major_version("PostgreSQL 15.19 (Debian 15.19-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_version("PostgreSQL 19beta1"), Some(19));
        assert_eq!(major_version("pg"), None);
    }

    #[test]
    fn account_is_read_from_its_own_line() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            account_of(passwd, "postgres"),
            Some(Account { uid: 101, gid: 104 })
        );
        assert_eq!(account_of(passwd, "post"), None);
    }

    #[test]
    fn nothing_installed_is_nothing_found() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(newest_below(empty.path()), None);
        fs::create_dir_all(empty.path().join("16/bin")).unwrap();
        assert_eq!(
            newest_below(empty.path()),
            None,
            "a client-only installation has no server"
        );
    }
}
