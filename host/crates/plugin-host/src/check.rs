//! Whether a component fits this server, in words for its author: before compiling, what it is and which contract it
//! was built for; after, what it imports and exports.

use wasmparser::{Encoding, Parser, Payload};
use wasmtime::{Engine, component::Component};

use crate::error::Refusal;

/// The custom section in which an SDK says which contract it was built for.
const API_SECTION: &str = "authly:plugin-api";
/// The contract this server serves.
const API_SERVED: &str = "0.1";
/// Interfaces of the contract that are linked.
const INTERFACES: [&str; 3] = ["types", "log", "config"];
/// Packages of WASI 0.2 that are linked, empty.
const WASI_PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
/// What a claim mapper exports.
const EXPORTS: [&str; 2] = ["meta", "claim-mapper"];

/// Looks at the bytes before anything is compiled.
pub(crate) fn check_bytes(wasm: &[u8], bytes_max: usize) -> Result<(), Refusal> {
    if wasm.len() > bytes_max {
        return Err(Refusal::by_server(format!(
            "it has {} bytes; a component may have {bytes_max}",
            wasm.len()
        )));
    }
    if Engine::detect_precompiled(wasm).is_some() {
        return Err(Refusal::new(
            "it is machine code, compiled ahead; only WebAssembly is accepted, the server compiles it itself",
        ));
    }
    let mut is_component = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| Refusal::new(format!("it is not WebAssembly: {error}")))?;
        match payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => is_component = true,
            Payload::Version { .. } if !is_component => {
                return Err(Refusal::new(
                    "it is a core module, not a component; in Rust, build it with --target wasm32-wasip2",
                ));
            }
            Payload::CustomSection(section) if section.name() == API_SECTION => check_api(section.data())?,
            _ => {}
        }
    }
    if is_component {
        Ok(())
    } else {
        Err(Refusal::new("it is not WebAssembly: it is empty"))
    }
}

fn check_api(section: &[u8]) -> Result<(), Refusal> {
    let version = String::from_utf8_lossy(section);
    if is_version(&version, API_SERVED) {
        return Ok(());
    }
    Err(Refusal::by_server(format!(
        "it was built for authly:plugin {}; this server serves {API_SERVED}",
        version.escape_default()
    )))
}

/// Looks at what a compiled component imports and exports.
pub(crate) fn check_world(engine: &Engine, component: &Component) -> Result<(), Refusal> {
    let world = component.component_type();
    for (import, _) in world.imports(engine) {
        check_import(import)?;
    }
    let exported: Vec<_> = world.exports(engine).map(|(name, _)| name).collect();
    for needed in EXPORTS {
        let is_needed = |name: &&str| {
            Name::parse(name).is_some_and(|n| {
                n.package == "authly:plugin" && n.interface == needed && is_version(n.version, API_SERVED)
            })
        };
        if !exported.iter().any(is_needed) {
            return Err(Refusal::by_server(format!(
                "it does not export authly:plugin/{needed}@{API_SERVED}"
            )));
        }
    }
    Ok(())
}

fn check_import(import: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| Err(Refusal::by_server(format!("it imports {import}, {why}")));
    let Some(name) = Name::parse(import) else {
        return refuse("which is not an interface of authly:plugin or WASI 0.2");
    };
    if name.package == "authly:plugin" {
        if !is_version(name.version, API_SERVED) {
            return refuse("but this server serves authly:plugin 0.1");
        }
        if !INTERFACES.contains(&name.interface) {
            return refuse("which this server does not offer: it offers log and config");
        }
        return Ok(());
    }
    match name.package.strip_prefix("wasi:") {
        Some(package) if WASI_PACKAGES.contains(&package) && is_version(name.version, "0.2") => Ok(()),
        Some(package) if WASI_PACKAGES.contains(&package) => refuse("but this server links WASI 0.2"),
        Some(_) => refuse(
            "which this server does not offer: of WASI 0.2 it links cli, clocks, filesystem, io, \
             random and sockets, and nothing in them",
        ),
        None => refuse(
            "which this server does not offer: it offers authly:plugin/log, authly:plugin/config \
             and an empty WASI 0.2",
        ),
    }
}

/// `package/interface@version`.
struct Name<'a> {
    package: &'a str,
    interface: &'a str,
    version: &'a str,
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (path, version) = text.split_once('@')?;
        let (package, interface) = path.split_once('/')?;
        Some(Self {
            package,
            interface,
            version,
        })
    }
}

/// Whether `version` is `served` followed by a patch number.
fn is_version(version: &str, served: &str) -> bool {
    let patch = version
        .strip_prefix(served)
        .and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_may_be_imported() {
        for import in [
            "authly:plugin/log@0.1.0",
            "authly:plugin/types@0.1.7",
            "wasi:cli/environment@0.2.6",
            "wasi:sockets/tcp@0.2.0",
        ] {
            assert!(check_import(import).is_ok(), "{import}");
        }
        for (import, why) in [
            ("authly:plugin/http@0.1.0", "it offers log and config"),
            ("authly:plugin/log@0.2.0", "serves authly:plugin 0.1"),
            ("wasi:http/outgoing-handler@0.2.0", "of WASI 0.2 it links"),
            ("wasi:cli/environment@0.3.0", "links WASI 0.2"),
            ("acme:db/query@1.0.0", "it offers authly:plugin/log"),
            ("secret-function", "not an interface"),
        ] {
            let error = check_import(import).unwrap_err().to_string();
            assert!(error.contains(import) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_no_component_is_named() {
        let refused = |bytes: &[u8]| check_bytes(bytes, 1024).unwrap_err().to_string();
        assert!(refused(b"").contains("not WebAssembly"));
        assert!(refused(b"#!/bin/sh\n").contains("not WebAssembly"));
        assert!(refused(b"\0asm\x01\0\0\0").contains("core module"));
        assert!(refused(&[0; 1025]).contains("1025 bytes"));
        assert!(check_bytes(b"\0asm\x0d\0\x01\0", 8).is_ok());
    }

    #[test]
    fn the_contract_version_is_read_before_compiling() {
        let with_api = |version: &[u8]| {
            let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
            let name = API_SECTION.as_bytes();
            bytes.push(0);
            bytes.push(u8::try_from(1 + name.len() + version.len()).unwrap());
            bytes.push(u8::try_from(name.len()).unwrap());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(version);
            bytes
        };
        assert!(check_bytes(&with_api(b"0.1.0"), 1024).is_ok());
        let error = check_bytes(&with_api(b"0.2.0"), 1024).unwrap_err().to_string();
        assert_eq!(
            error,
            "it was built for authly:plugin 0.2.0; this server serves 0.1"
        );
    }
}
