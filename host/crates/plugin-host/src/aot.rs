//! Machine code, kept between starts: compiling takes a second where loading takes a millisecond.
//!
//! Machine code from a file is run as it is, so a file is only believed when it carries this server's seal: an HMAC
//! over its name and bytes with a key that is not in the directory. The bytes that were checked are the bytes that are
//! loaded; the file is not read a second time.

use std::{
    fs,
    hash::{Hash, Hasher},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use authly_core::SecretBytes;
use aws_lc_rs::{digest, hmac};
use wasmtime::{Engine, component::Component};

/// Where machine code is kept, and the key of its seal.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// A directory of the server's own, not the one plugins are put in. Made with mode 0700 when it is missing.
    pub dir: PathBuf,
    /// At least 32 bytes that only this server and its fellow nodes know.
    pub key: SecretBytes,
}

/// Bytes of the seal at the end of a file.
const SEAL_BYTES: usize = 32;
/// All files together, in bytes; beyond it the oldest are removed.
const TOTAL_BYTES_MAX: u64 = 512 << 20;

/// What the cache knows of a component.
pub(crate) enum Lookup {
    Hit(Component),
    Miss,
    /// There was a file, but not one of ours; it was removed.
    Refused(String),
}

pub(crate) struct CodeCache {
    dir: PathBuf,
    key: hmac::Key,
    engine: String,
}

impl CodeCache {
    /// Opens the directory; refuses one that others may write to.
    pub fn open(options: &CacheOptions, engine: &Engine) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&options.dir)?;
        let mode = fs::metadata(&options.dir)?.permissions().mode();
        if mode & 0o077 != 0 {
            let message = format!(
                "{} is open to others (mode {:o}); chmod 700",
                options.dir.display(),
                mode & 0o777
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        Ok(Self {
            dir: options.dir.clone(),
            key: hmac::Key::new(hmac::HMAC_SHA256, options.key.expose()),
            engine: engine_hash(engine),
        })
    }

    /// Machine code of the component with this SHA-256, if it was kept.
    pub fn load(&self, engine: &Engine, wasm: [u8; 32]) -> Lookup {
        let name = self.name(wasm);
        let path = self.dir.join(&name);
        let Ok(bytes) = fs::read(&path) else {
            return Lookup::Miss;
        };
        let component = self
            .unsealed(&name, &bytes)
            .and_then(|code| deserialize(engine, code));
        component.map_or_else(
            || {
                let _ = fs::remove_file(&path);
                Lookup::Refused(name)
            },
            Lookup::Hit,
        )
    }

    /// Keeps the machine code of a component.
    pub fn store(&self, wasm: [u8; 32], component: &Component) -> io::Result<()> {
        let name = self.name(wasm);
        let code = component.serialize().map_err(io::Error::other)?;
        let temporary = self.dir.join(format!("{name}.{}", std::process::id()));
        let written = self.write(&temporary, &name, &code);
        let kept = written.and_then(|()| fs::rename(&temporary, self.dir.join(&name)));
        if kept.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        kept?;
        self.prune(TOTAL_BYTES_MAX)
    }

    fn write(&self, path: &Path, name: &str, code: &[u8]) -> io::Result<()> {
        let _ = fs::remove_file(path);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(code)?;
        file.write_all(self.seal(name, code).as_ref())?;
        file.sync_all()
    }

    fn unsealed<'a>(&self, name: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (code, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL_BYTES)?)?;
        let ours = self.seal(name, code);
        aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_ref(), seal).ok()?;
        Some(code)
    }

    fn seal(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let mut signed = hmac::Context::with_key(&self.key);
        signed.update(name.as_bytes());
        signed.update(code);
        signed.sign()
    }

    /// The component and everything about the engine that its code depends on.
    fn name(&self, wasm: [u8; 32]) -> String {
        format!("{}-{}.cwasm", hex::encode(wasm), self.engine)
    }

    fn prune(&self, bytes_max: u64) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        files.sort_by_key(|file| std::cmp::Reverse(file.0));
        let mut total = 0u64;
        for (_, size, path) in files {
            total = total.saturating_add(size);
            if total > bytes_max {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

#[expect(
    unsafe_code,
    reason = "loading machine code; the caller has checked that this server wrote these very bytes"
)]
fn deserialize(engine: &Engine, sealed: &[u8]) -> Option<Component> {
    // SAFETY: `deserialize` needs bytes that `Component::serialize` made. `unsealed` has just verified, over these
    // bytes and not over a file that could change, an HMAC that only `store` writes, under a name that binds the
    // component and the engine. wasmtime itself refuses code of another version or configuration.
    unsafe { Component::deserialize(engine, sealed) }.ok()
}

fn engine_hash(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut text = hex::encode(hasher.0.finish());
    text.truncate(32);
    text
}

/// A hash that is the same in every build of the server.
struct Sha256Hasher(digest::Context);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not asked for: the whole digest is taken.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{AllocatorChoice, Runtime},
        limits::Limits,
    };

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    struct Fixture {
        runtime: Runtime,
        _root: tempfile::TempDir,
        options: CacheOptions,
    }

    fn fixture() -> Fixture {
        let root = tempfile::tempdir().unwrap();
        Fixture {
            runtime: Runtime::start(AllocatorChoice::OnDemand, &Limits::default()).unwrap(),
            options: CacheOptions {
                dir: root.path().join("code"),
                key: SecretBytes::new(vec![7; 32]),
            },
            _root: root,
        }
    }

    fn only_file(dir: &Path) -> PathBuf {
        let mut files = fs::read_dir(dir).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }

    #[test]
    fn what_is_kept_is_found_by_a_cache_with_the_same_key() {
        let Fixture {
            runtime,
            options,
            _root,
        } = fixture();
        let cache = CodeCache::open(&options, &runtime.engine).unwrap();
        assert!(matches!(cache.load(&runtime.engine, [1; 32]), Lookup::Miss));
        let component = Component::new(&runtime.engine, EMPTY_COMPONENT).unwrap();
        cache.store([1; 32], &component).unwrap();
        let again = CodeCache::open(&options, &runtime.engine).unwrap();
        assert!(matches!(again.load(&runtime.engine, [1; 32]), Lookup::Hit(_)));
        assert!(matches!(again.load(&runtime.engine, [2; 32]), Lookup::Miss));
    }

    #[test]
    fn code_without_our_seal_is_refused_and_removed() {
        let Fixture {
            runtime,
            options,
            _root,
        } = fixture();
        let engine = &runtime.engine;
        let cache = CodeCache::open(&options, engine).unwrap();
        let component = Component::new(engine, EMPTY_COMPONENT).unwrap();
        let tamperings: [fn(&mut Vec<u8>); 4] = [
            |bytes| bytes[100] ^= 1,
            |bytes| *bytes.last_mut().unwrap() ^= 1,
            |bytes| bytes.truncate(20),
            Vec::clear,
        ];
        for tamper in tamperings {
            cache.store([1; 32], &component).unwrap();
            let file = only_file(&options.dir);
            let mut bytes = fs::read(&file).unwrap();
            tamper(&mut bytes);
            fs::write(&file, bytes).unwrap();
            assert!(matches!(cache.load(engine, [1; 32]), Lookup::Refused(_)));
            assert!(!file.exists());
        }
    }

    #[test]
    fn a_seal_holds_for_its_own_name_and_key_only() {
        let Fixture {
            runtime,
            options,
            _root,
        } = fixture();
        let engine = &runtime.engine;
        let cache = CodeCache::open(&options, engine).unwrap();
        cache
            .store([1; 32], &Component::new(engine, EMPTY_COMPONENT).unwrap())
            .unwrap();
        let file = only_file(&options.dir);
        fs::copy(&file, options.dir.join(cache.name([2; 32]))).unwrap();
        assert!(matches!(cache.load(engine, [2; 32]), Lookup::Refused(_)));
        let other = CacheOptions {
            key: SecretBytes::new(vec![8; 32]),
            ..options
        };
        let other = CodeCache::open(&other, engine).unwrap();
        assert!(matches!(other.load(engine, [1; 32]), Lookup::Refused(_)));
    }

    #[test]
    fn a_directory_open_to_others_is_refused() {
        let Fixture {
            runtime,
            options,
            _root,
        } = fixture();
        fs::create_dir(&options.dir).unwrap();
        fs::set_permissions(&options.dir, fs::Permissions::from_mode(0o770)).unwrap();
        assert!(CodeCache::open(&options, &runtime.engine).is_err());
    }

    #[test]
    fn the_oldest_goes_when_there_is_too_much() {
        let Fixture {
            runtime,
            options,
            _root,
        } = fixture();
        let engine = &runtime.engine;
        let cache = CodeCache::open(&options, engine).unwrap();
        let component = Component::new(engine, EMPTY_COMPONENT).unwrap();
        cache.store([1; 32], &component).unwrap();
        let old = only_file(&options.dir);
        fs::File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
        cache.store([2; 32], &component).unwrap();
        let size = fs::metadata(&old).unwrap().len();
        cache.prune(size * 3 / 2).unwrap();
        assert!(!old.exists());
        assert!(matches!(cache.load(engine, [2; 32]), Lookup::Hit(_)));
    }
}
