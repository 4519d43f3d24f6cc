//! The tests of the whole workspace by name, for the lists that promise some of them.

use std::{collections::BTreeSet, fs, path::Path};

/// Every test as `module::name`: `login::…` is in this folder, `jose::header::…` in the source or the tests of a crate,
/// `authly::…` in those of the server. What is ignored is no test.
pub(crate) fn all() -> BTreeSet<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let mut found = BTreeSet::new();
    collect(&workspace.join("tests/http"), "", &mut found);
    let host = workspace.join("host");
    for sources in ["src", "tests"] {
        collect(&host.join(sources), "authly", &mut found);
    }
    for entry in fs::read_dir(host.join("crates")).expect("the crates") {
        let folder = entry.expect("a crate").path();
        for sources in ["src", "tests"] {
            collect(&folder.join(sources), stem(&folder), &mut found);
        }
    }
    found
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|name| name.to_str()).expect("a name")
}

fn collect(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let module = match stem(&path) {
            "lib" | "main" | "mod" => module.to_owned(),
            name if module.is_empty() => name.to_owned(),
            name => format!("{module}::{name}"),
        };
        if path.is_dir() {
            collect(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("source");
            found.extend(names(&source).into_iter().map(|name| format!("{module}::{name}")));
        }
    }
}

/// The functions that stand below a test attribute, others between them or not.
pub(crate) fn names(source: &str) -> Vec<&str> {
    let (mut found, mut is_test, mut is_ignored) = (Vec::new(), false, false);
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            is_ignored |= line.starts_with("#[ignore");
            continue;
        }
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some((name, _)) = function.and_then(|rest| rest.split_once('('))
            && is_test
            && !is_ignored
        {
            found.push(name);
        }
        (is_test, is_ignored) = (false, false);
    }
    found
}

#[test]
fn only_what_runs_is_a_test() {
    let source = "\
        #[test]\nfn plain() {}\n\
        #[tokio::test(flavor = \"multi_thread\")]\n#[cfg(unix)]\nasync fn with_more() {}\n\
        #[test]\n#[ignore = \"slow\"]\nfn ignored() {}\n\
        fn helper() {}\n\
        #[test]\nfn property(any in text()) {}\n\
        // fn mentioned() is no test\n";
    assert_eq!(names(source), ["plain", "with_more", "property"]);
}
