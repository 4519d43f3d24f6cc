//! The list of sharp edges that must have a test: a line without one fails here.

use std::{collections::BTreeSet, fs, path::Path};

/// The lines that are due, by number.
fn due() -> impl Iterator<Item = u32> {
    (1..=7)
        .chain(9..=15)
        .chain([17])
        .chain(19..=38)
        .chain(41..=48)
        .chain([63, 64, 66, 67, 68, 79])
}

/// Kinds of vulnerability that have hit servers like this one, and the tests that would notice ours.
const CLASSES: [(&str, &[&str]); 10] = [
    (
        "redirect_uri: userinfo, case, dots, localhost, scripts",
        &[
            "edge_02_redirect_uri_is_compared_as_an_exact_string",
            "edge_03_only_the_port_of_a_loopback_address_floats",
            "a_redirect_uri_that_could_harm_cannot_be_registered",
        ],
    ),
    (
        "codes and refresh tokens not bound to their client",
        &[
            "edge_30_a_code_belongs_to_its_client",
            "edge_46_a_refresh_token_belongs_to_its_client",
        ],
    ),
    (
        "PKCE and nonce downgraded by leaving them out",
        &[
            "edge_26_plain_is_refused_by_name_and_by_omission",
            "edge_27_pkce_cannot_be_left_out_on_one_side",
            "nonce_reaches_the_id_token_unchanged_and_is_never_made_up",
        ],
    ),
    (
        "tokens: algorithm confusion, tampering, one kind for the other",
        &[
            "edge_64_the_two_kinds_of_token_cannot_stand_for_each_other",
            "a_token_that_was_tampered_with_opens_nothing",
        ],
    ),
    (
        "disabled state checked at the start of a flow only",
        &[
            "a_disabled_client_is_refused_at_every_step",
            "a_disabled_person_is_refused_at_consent_and_with_a_live_session",
            "a_disabled_person_is_refused_at_code_refresh_and_userinfo",
            "edge_48_a_disabled_person_refreshes_nothing_and_nothing_is_spent",
            "whatever_ends_a_token_is_seen_at_once",
            "edge_48_a_password_change_ends_what_the_old_password_opened",
        ],
    ),
    (
        "scope or audience wider than what was granted",
        &[
            "edge_44_scope_narrows_for_one_answer_and_never_widens",
            "a_scope_that_is_defined_no_longer_is_granted_at_no_step",
            "a_claim_asked_for_by_name_goes_with_its_scope",
            "a_token_for_another_audience_does_not_open_userinfo",
        ],
    ),
    (
        "introspection or revocation across clients",
        &[
            "edge_66_unknown_foreign_and_expired_are_exactly_inactive",
            "a_resource_learns_of_access_tokens_for_itself_and_of_no_others",
            "edge_67_the_token_of_another_client_is_not_revoked",
            "a_clients_own_opaque_token_is_nobody_elses_to_ask_about_or_end",
        ],
    ),
    (
        "scripts in the names of clients and people",
        &["names_of_clients_and_people_are_text_on_every_page"],
    ),
    (
        "an outage read as a no",
        &[
            "an_outage_is_never_a_no_and_loses_nothing",
            "a_database_that_dies_while_a_code_is_being_spent_has_spent_nothing",
            "a_person_meets_an_outage_as_a_page_and_loses_nothing",
        ],
    ),
    (
        "plugins: traps, loops, bombs, shadowed claims, foreign imports",
        &[
            "a_hostile_plugin_fails_its_own_requests_and_nobody_elses",
            "a_plugin_with_an_import_that_is_not_linked_is_refused_in_plain_words",
            "a_hook_that_fails_burns_no_code_and_no_refresh_token",
        ],
    ),
];

#[test]
fn vulnerability_classes_have_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("http");
    let sources: Vec<String> = fs::read_dir(&folder)
        .expect("this folder")
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("source"))
        .collect();
    for (class, tests) in CLASSES {
        for test in tests {
            let definition = format!("async fn {test}()");
            let is_there = sources.iter().any(|source| source.contains(&definition));
            assert!(is_there, "{test} is gone, and with it what would notice: {class}");
        }
    }
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
