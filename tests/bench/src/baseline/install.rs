//! Where PostgreSQL's programs are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian puts each major version: `VERSION/bin` below it.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// A program of the newest PostgreSQL that is installed.
pub fn program(name: &str) -> Option<PathBuf> {
    newest_below(Path::new(DEBIAN_ROOT), name).or_else(|| {
        let output = Command::new("pg_config").arg("--bindir").output().ok()?;
        let path = Path::new(String::from_utf8(output.stdout).ok()?.trim()).join(name);
        path.is_file().then_some(path)
    })
}

fn newest_below(root: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(root)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin").join(name)))
        .filter(|(_, path)| path.is_file())
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_has_the_program_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9", "15", "16"] {
            fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        for version in ["9", "15"] {
            fs::write(root.path().join(version).join("bin/pgbench"), "").unwrap();
        }
        let found = newest_below(root.path(), "pgbench");
        assert_eq!(found, Some(root.path().join("15/bin/pgbench")));
        assert_eq!(newest_below(root.path(), "psql"), None);
    }
}
