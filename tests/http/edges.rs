//! The list of sharp edges that must have a test: a line without one fails here.

use std::{collections::BTreeSet, fs, path::Path};

/// The lines that are due, by number.
fn due() -> impl Iterator<Item = u32> {
    (1..=7)
        .chain(9..=15)
        .chain([17])
        .chain(19..=38)
        .chain(41..=45)
        .chain([63, 64, 68])
}

#[test]
fn due_edges_have_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("http");
    let main = fs::read_to_string(folder.join("main.rs")).expect("main.rs");
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(&folder).expect("this folder") {
        let path = entry.expect("a file").path();
        let source = fs::read_to_string(&path).expect("source");
        let module = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let is_built = module == "main" || main.lines().any(|line| line == format!("mod {module};"));
        assert!(
            is_built,
            "{module}.rs is not a module of main.rs: its tests never run"
        );
        tested.extend(numbers_of_tests(&source));
    }
    let missing: Vec<u32> = due().filter(|line| !tested.contains(line)).collect();
    assert!(
        missing.is_empty(),
        "no test named edge_NN_… for the lines {missing:?}"
    );
}

/// The numbers of the functions `edge_NN_…` that stand below a test attribute.
fn numbers_of_tests(source: &str) -> Vec<u32> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let tests = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("#[tokio::test") || pair[0] == "#[test]");
    let names = tests.filter_map(|pair| pair[1].trim_start_matches("async ").strip_prefix("fn edge_"));
    names
        .filter_map(|name| name.split_once('_')?.0.parse().ok())
        .collect()
}
