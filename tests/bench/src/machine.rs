//! Where a run was measured: figures of two machines say nothing about two versions.

use std::{
    fs::{self, File},
    io::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::Serialize;

use crate::baseline::install;

/// How long the disk is tried.
const DISK_TRIED: Duration = Duration::from_millis(500);

/// What the disk is asked to make durable at a time: a page, about what one commit writes.
const DISK_BLOCK: [u8; 4096] = [b'x'; 4096];

/// The machine, and what was built on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Cores this process may use.
    pub cores: usize,
    /// The processor's own name.
    pub cpu: String,
    /// Kernel release.
    pub kernel: String,
    /// The version of PostgreSQL; `None` where there is none.
    pub postgres: Option<String>,
    /// The commit that is checked out, with `-dirty` when files differ from it.
    pub commit: Option<String>,
    /// Times per second that 4 KiB appended to a file beside the databases become durable (fdatasync), one after
    /// another: nobody who commits one by one is faster.
    pub disk_syncs_per_second: f64,
}

impl Machine {
    /// Looks, and tries the disk.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn look() -> Result<Self> {
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu: cpu_name(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            postgres: install::program("postgres")
                .and_then(|path| said(Command::new(path).arg("--version")))
                .map(|version| version.trim_start_matches("postgres (PostgreSQL) ").to_owned()),
            commit: said(Command::new("git").args(["describe", "--always", "--dirty", "--exclude=*"])),
            disk_syncs_per_second: disk_syncs_per_second()?,
        })
    }

    /// The first lines of the table.
    pub fn heading(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        format!(
            "{} cores of {}, Linux {}, PostgreSQL {}, commit {}\n\
             disk: {:.0} appends of 4 KiB made durable one after another per second\n",
            self.cores,
            self.cpu,
            self.kernel,
            or_none(&self.postgres),
            or_none(&self.commit),
            self.disk_syncs_per_second
        )
    }
}

fn cpu_name(cpuinfo: &str) -> String {
    let named = cpuinfo.lines().find_map(|line| {
        let (key, name) = line.split_once(':')?;
        (key.trim() == "model name").then(|| name.trim().to_owned())
    });
    named.unwrap_or_else(|| "an unnamed processor".to_owned())
}

/// What a program says, on one line; `None` when it is not there or fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn disk_syncs_per_second() -> Result<f64> {
    let mut file: File = tempfile::tempfile()?;
    let started = Instant::now();
    let mut syncs = 0.0;
    while started.elapsed() < DISK_TRIED {
        file.write_all(&DISK_BLOCK)?;
        file.sync_data()?;
        syncs += 1.0;
    }
    Ok(syncs / started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nprocessor\t: 1\nmodel name\t: Some CPU\n";
        assert_eq!(cpu_name(cpuinfo), "Some CPU @ 2.00GHz");
        assert_eq!(cpu_name(""), "an unnamed processor");
    }
}
