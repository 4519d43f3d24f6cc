//! Which statements must find their rows by an index: shared by both backends' tests of query plans. A statement that
//! is in neither of a backend's two lists fails its test, so whoever adds one decides.

use std::collections::BTreeSet;

/// Statements that run in a request or a job and must be indexed: a file, and the names in it.
pub(crate) type Indexed = &'static [(&'static str, &'static [&'static str])];

/// Statements that may read a whole table: file, name, and why that is no matter.
pub(crate) type Exempt = &'static [(&'static str, &'static str, &'static str)];

/// Tables that stay small whatever the load, so that reading all of one costs nothing, and why they do.
pub(crate) const SMALL: &[(&str, &str)] = &[
    ("tenants", "one is served"),
    ("scopes", "an operator names them by hand"),
    ("signing_keys", "one per algorithm and rotation"),
    ("plugins", "an operator installs them by hand"),
    ("plugin_components", "one per remembered version of a plugin"),
    (
        "plugin_history",
        "one per version of a plugin that was ever proposed",
    ),
    ("schema_migrations", "one per release at most"),
    ("sqlite_sequence", "one per table with a sequence"),
];

/// Whether reading all of `table` costs nothing.
pub(crate) fn is_small(table: &str) -> bool {
    SMALL.iter().any(|(small, _)| *small == table)
}

/// The statements of `every` that must be indexed.
///
/// # Panics
/// When the lists and `every` do not name the same statements, each once.
pub(crate) fn indexed_of(
    every: &[(&'static str, &'static str, &'static str)],
    indexed: Indexed,
    exempt: Exempt,
) -> Vec<(&'static str, &'static str, &'static str)> {
    let exempted = exempt.iter().map(|(file, name, _)| (*file, *name));
    let named = indexed
        .iter()
        .flat_map(|(file, names)| names.iter().map(move |name| (*file, *name)));
    let listed: Vec<_> = named.chain(exempted.clone()).collect();
    let known: BTreeSet<_> = every.iter().map(|(file, name, _)| (*file, *name)).collect();
    let unlisted: Vec<_> = known.iter().filter(|name| !listed.contains(name)).collect();
    assert!(
        unlisted.is_empty(),
        "say of these whether they must be indexed: {unlisted:?}"
    );
    let unknown: Vec<_> = listed.iter().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "no such statements: {unknown:?}");
    assert_eq!(listed.len(), known.len(), "a statement is listed twice");
    let exempted: BTreeSet<_> = exempted.collect();
    every
        .iter()
        .filter(|(file, name, _)| !exempted.contains(&(*file, *name)))
        .copied()
        .collect()
}

/// Whether an index condition narrows more than the tenant: one tenant may hold every row of a table.
pub(crate) fn is_selective(condition: &str) -> bool {
    condition
        .split("AND")
        .any(|part| !part.trim().is_empty() && !part.contains("tenant_id"))
}
