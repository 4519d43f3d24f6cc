//! The watched directory: `NAME.wasm` and `NAME.toml`, each read once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use authly_core::plugin::{PluginComponent, PluginName};

use super::candidate_digest;

/// The largest toml, in bytes.
const TOML_BYTES_MAX: u64 = 256 << 10;
/// The most plugins in a directory.
const PLUGINS_MAX: usize = 256;

/// One plugin in the directory.
pub(super) struct Found {
    /// The file's stem, whether it is a plugin's name or not.
    pub stem: String,
    /// What the pair looked like; `None` when not even that can be told.
    pub stamps: Option<Stamps>,
    pub read: Result<(PluginName, PluginComponent), Unreadable>,
}

/// What tells that a pair changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamps {
    wasm: Option<Stamp>,
    toml: Option<Stamp>,
}

impl Stamps {
    fn of(wasm: &Path) -> Result<Self, Unreadable> {
        Ok(Self {
            wasm: Stamp::of(wasm)?,
            toml: Stamp::of(&wasm.with_extension("toml"))?,
        })
    }

    pub fn has_toml(&self) -> bool {
        self.toml.is_some()
    }
}

/// Why a pair of files gave no candidate.
pub(super) enum Unreadable {
    /// Somebody is still writing.
    Unsettled,
    /// Something is wrong with the files.
    Wrong(String),
}

/// Reads every pair, in order of their names. A directory that is not there has none.
pub(super) fn scan(dir: &Path, wasm_bytes_max: usize) -> io::Result<Vec<Found>> {
    let files = wasm_files(dir)?;
    Ok(files.iter().map(|wasm| found(wasm, wasm_bytes_max)).collect())
}

/// Looks at every pair without reading it.
pub(super) fn look(dir: &Path) -> io::Result<Vec<(String, Stamps)>> {
    let files = wasm_files(dir)?;
    let looks = files
        .iter()
        .map(|wasm| Some((stem(wasm), Stamps::of(wasm).ok()?)));
    Ok(looks.flatten().collect())
}

fn wasm_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    files.truncate(PLUGINS_MAX);
    Ok(files)
}

fn stem(wasm: &Path) -> String {
    wasm.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn found(wasm: &Path, wasm_bytes_max: usize) -> Found {
    let stem = stem(wasm);
    let stamps = Stamps::of(wasm);
    let seen = stamps.as_ref().ok().copied();
    let read = PluginName::parse(&stem)
        .map_err(|error| Unreadable::Wrong(error.to_string()))
        .and_then(|name| Ok((name, read_pair(wasm, stamps?, wasm_bytes_max)?)));
    Found {
        stem,
        stamps: seen,
        read,
    }
}

/// Both files as they are at one moment: nothing of them may change while they are read.
fn read_pair(wasm: &Path, before: Stamps, wasm_bytes_max: usize) -> Result<PluginComponent, Unreadable> {
    let toml = wasm.with_extension("toml");
    let wasm_bytes = read(wasm, before.wasm, wasm_bytes_max as u64)?.ok_or(Unreadable::Unsettled)?;
    let toml_bytes = read(&toml, before.toml, TOML_BYTES_MAX)?.unwrap_or_default();
    if before != Stamps::of(wasm)? {
        return Err(Unreadable::Unsettled);
    }
    let toml = String::from_utf8(toml_bytes)
        .map_err(|_| Unreadable::Wrong(format!("{} is not UTF-8", toml.display())))?;
    Ok(PluginComponent {
        digest: candidate_digest(&wasm_bytes, &toml),
        wasm: wasm_bytes,
        toml,
    })
}

fn read(path: &Path, stamp: Option<Stamp>, bytes_max: u64) -> Result<Option<Vec<u8>>, Unreadable> {
    let Some(stamp) = stamp else { return Ok(None) };
    if stamp.bytes > bytes_max {
        let text = format!(
            "{} has {} bytes; it may have {bytes_max}",
            path.display(),
            stamp.bytes
        );
        return Err(Unreadable::Wrong(text));
    }
    let bytes = fs::read(path).map_err(|error| Unreadable::Wrong(format!("{}: {error}", path.display())))?;
    if bytes.len() as u64 != stamp.bytes {
        return Err(Unreadable::Unsettled);
    }
    Ok(Some(bytes))
}

/// What tells that a file changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: SystemTime,
}

impl Stamp {
    /// `None`: there is no such file.
    fn of(path: &Path) -> Result<Option<Self>, Unreadable> {
        let wrong = |error: io::Error| Unreadable::Wrong(format!("{}: {error}", path.display()));
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error)),
        };
        // Opening a pipe would wait for a writer.
        if !metadata.is_file() {
            return Err(Unreadable::Wrong(format!("{} is not a file", path.display())));
        }
        Ok(Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().map_err(wrong)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(dir: &Path) -> Vec<(String, Result<String, String>)> {
        scan(dir, 10)
            .unwrap()
            .into_iter()
            .map(|found| {
                let read = match found.read {
                    Ok((_, component)) => Ok(component.toml),
                    Err(Unreadable::Wrong(reason)) => Err(reason),
                    Err(Unreadable::Unsettled) => Err("unsettled".to_owned()),
                };
                (found.stem, read)
            })
            .collect()
    }

    #[test]
    fn every_pair_is_found_and_the_toml_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("b.wasm", "1"),
            ("b.toml", "x"),
            ("a.wasm", "1"),
            ("c.toml", "y"),
            ("d.txt", "z"),
        ] {
            fs::write(dir.path().join(file), text).unwrap();
        }
        let found = reasons(dir.path());
        assert_eq!(
            found,
            [
                ("a".to_owned(), Ok(String::new())),
                ("b".to_owned(), Ok("x".to_owned()))
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_plugin_is_told_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Bad_Name.wasm"), "1").unwrap();
        fs::write(dir.path().join("large.wasm"), "12345678901").unwrap();
        fs::write(dir.path().join("latin.wasm"), "1").unwrap();
        fs::write(dir.path().join("latin.toml"), b"\xe9").unwrap();
        fs::create_dir(dir.path().join("folder.wasm")).unwrap();
        let found: Vec<_> = reasons(dir.path())
            .into_iter()
            .map(|(_, read)| read.unwrap_err())
            .collect();
        for (reason, expected) in found.iter().zip([
            "lower-case letters",
            "is not a file",
            "11 bytes; it may have 10",
            "is not UTF-8",
        ]) {
            assert!(reason.contains(expected), "{reason}");
        }
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn a_missing_directory_is_an_empty_one() {
        assert!(scan(Path::new("/nonexistent/plugins"), 10).unwrap().is_empty());
    }
}
