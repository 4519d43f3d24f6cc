//! The list of sharp edges that must have a test: a line without one fails here.

use std::{collections::BTreeSet, fs, path::Path};

use crate::workspace_tests;

/// The lines that are due, by number.
fn due() -> impl Iterator<Item = u32> {
    (1..=39).chain(41..=48).chain([63, 64, 66, 67, 68, 70, 79, 82])
}

/// Kinds of vulnerability that have hit servers like this one, and the tests that would notice ours.
const CLASSES: [(&str, &[&str]); 16] = [
    (
        "redirect_uri: userinfo, case, dots, localhost, scripts",
        &[
            "edge_02_redirect_uri_is_compared_as_an_exact_string",
            "edge_03_only_the_port_of_a_loopback_address_floats",
            "a_redirect_uri_that_could_harm_cannot_be_registered",
            "one_other_character_is_another_redirect_uri",
            "redirect_uri_is_one_of_the_clients_byte_for_byte",
        ],
    ),
    (
        "codes and refresh tokens not bound to their client",
        &[
            "edge_30_a_code_belongs_to_its_client",
            "edge_30_somebody_elses_replay_kills_no_family",
            "edge_46_a_refresh_token_belongs_to_its_client",
            "another_client_can_neither_use_nor_burn_a_code",
            "another_client_can_neither_use_nor_kill_a_family",
        ],
    ),
    (
        "PKCE and nonce downgraded by leaving them out",
        &[
            "edge_26_plain_is_refused_by_name_and_by_omission",
            "edge_27_pkce_cannot_be_left_out_on_one_side",
            "pkce_cannot_be_left_out_where_the_policy_asks_for_it",
            "nonce_reaches_the_id_token_unchanged_and_is_never_made_up",
        ],
    ),
    (
        "tokens: algorithm confusion, missing claims, keys of the header's choice, tampering, one kind for the other",
        &[
            "edge_39_an_assertion_is_believed_only_with_the_clients_own_key_and_kind",
            "edge_39_an_assertion_is_judged_claim_by_claim",
            "edge_64_the_two_kinds_of_token_cannot_stand_for_each_other",
            "a_token_that_was_tampered_with_opens_nothing",
            "header_that_chooses_its_own_key_or_rules_is_refused",
            "none_and_other_spellings_are_no_algorithm",
            "key_supports_its_own_algorithm_only",
            "exp_is_required_and_exclusive",
            "token_without_kid_or_typ_is_refused",
            "changed_token_never_verifies",
        ],
    ),
    (
        "disabled state checked at the start of a flow only",
        &[
            "a_disabled_client_is_refused_at_every_step",
            "a_disabled_person_is_refused_at_consent_and_with_a_live_session",
            "a_disabled_person_is_refused_at_code_refresh_and_userinfo",
            "an_unverified_person_is_refused_like_a_disabled_one_where_that_is_required",
            "edge_48_a_disabled_person_refreshes_nothing_and_nothing_is_spent",
            "whatever_ends_a_token_is_seen_at_once",
            "edge_48_a_password_change_ends_what_the_old_password_opened",
            "completion_waits_for_whoever_shuts_the_person_out",
        ],
    ),
    (
        "scope or audience wider than what was granted",
        &[
            "edge_44_scope_narrows_for_one_answer_and_never_widens",
            "a_scope_that_is_defined_no_longer_is_granted_at_no_step",
            "a_claim_asked_for_by_name_goes_with_its_scope",
            "a_client_is_granted_no_claim_of_a_scope_that_it_lost",
            "a_token_for_another_audience_does_not_open_userinfo",
            "scopes_of_administrators_are_granted_to_administrators_only",
            "the_servers_own_scopes_are_for_clients_whose_tokens_are_for_the_issuer",
            "scopes_of_people_and_of_others_are_refused",
        ],
    ),
    (
        "requests of the server led inside: rebinding, redirects, other schemes, mapped and metadata addresses",
        &[
            "a_jwks_uri_leads_the_server_to_no_private_address",
            "literal_addresses_are_refused_in_every_spelling",
            "name_at_loopback_is_refused_unless_exempt",
            "name_that_moves_inside_is_not_followed",
            "redirect_is_an_answer_that_is_not_200",
            "http_goes_to_exempt_addresses_alone",
            "nothing_else_may_be_asked",
            "answer_may_be_as_long_as_the_limit_and_no_longer",
        ],
    ),
    (
        "steps of a flow skipped",
        &[
            "a_step_cannot_be_skipped",
            "the_form_decides_yes_or_no_and_never_the_scope",
            "a_choice_is_no_sign_in_and_no_consent",
            "an_answer_given_to_one_person_s_page_is_not_taken_for_another_s",
            "what_the_confirmation_carries_is_checked_again",
            "an_authentication_from_before_was_not_made_for_it",
            "a_finished_interaction_moves_no_further",
        ],
    ),
    (
        "flags and owners that the caller sets",
        &[
            "whoever_registers_can_sign_in_and_is_nobody_special",
            "registered_person_has_a_name_and_an_unproved_address_and_nothing_else",
            "profile_is_refused_whole_for_one_claim",
            "account_api_needs_its_scope",
            "nobody_vouches_for_themselves",
            "another_address_is_not_verified_by_the_one_before",
            "what_the_protocol_or_the_server_owns_cannot_be_set",
            "nobody_withdraws_for_somebody_else",
            "nobody_ends_or_sees_a_session_of_somebody_else",
        ],
    ),
    (
        "scripts in the names of clients and people, and in answers by form",
        &[
            "names_of_clients_and_people_are_text_on_every_page",
            "what_a_client_sent_is_text_in_the_form",
            "links_of_a_client_are_web_links_or_not_there",
            "no_page_carries_script_style_or_links_that_a_client_chose",
            "columns_are_aligned_and_steer_no_terminal",
        ],
    ),
    (
        "headers about host and address believed from anyone",
        &[
            "the_host_header_decides_nothing",
            "edge_70_no_header_moves_the_issuer",
            "behind_a_trusted_proxy_the_address_is_the_one_it_vouches_for",
            "a_peer_that_is_not_trusted_speaks_for_itself_only",
            "the_rightmost_untrusted_address_is_the_client",
            "session_check_believes_no_header_and_no_made_up_cookie",
        ],
    ),
    (
        "who exists told by text, status, time or throttle",
        &[
            "edge_82_unknown_user_wrong_password_and_disabled_user_are_answered_the_same",
            "a_disabled_client_is_refused_like_an_unknown_one",
            "edge_66_unknown_foreign_and_expired_are_exactly_inactive",
            "every_way_to_be_wrong_is_the_same_answer",
            "every_failure_has_one_answer_and_one_record",
            "unknown_name_is_delayed_like_a_known_one",
            "changing_a_password_is_no_way_to_guess_it",
        ],
    ),
    (
        "denial of service: depth, size, the queue of hashes, silent peers, a throttle turned on its victim",
        &[
            "a_body_beyond_the_limit_of_its_row_is_413_and_one_at_the_limit_is_read",
            "parameters_have_a_longest_length_and_a_largest_number",
            "depth_is_limited",
            "params_refuse_foreign_encodings_and_floods",
            "full_queue_is_busy_and_counts_nothing",
            "stored_hash_beyond_the_limits_is_refused_before_it_costs_anything",
            "a_silent_connection_is_closed_at_the_first_byte_deadline",
            "one_address_cannot_take_more_than_its_share",
            "an_account_is_delayed_after_failures_and_never_locked",
            "a_polling_attacker_delays_strangers_and_not_the_owner",
            "edge_39_an_unknown_kid_fetches_the_keys_again_but_not_too_often",
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
        "an outage read as a no",
        &[
            "an_outage_is_never_a_no_and_loses_nothing",
            "a_database_that_dies_while_a_code_is_being_spent_has_spent_nothing",
            "a_person_meets_an_outage_as_a_page_and_loses_nothing",
            "keys_that_cannot_be_had_are_an_outage_and_spend_nothing",
            "outage_is_no_rejection_and_counts_nothing",
            "stopped_database_is_unavailable_and_started_again_it_serves",
        ],
    ),
    (
        "plugins: traps, loops, bombs, shadowed claims, foreign imports",
        &[
            "a_hostile_plugin_fails_its_own_requests_and_nobody_elses",
            "a_plugin_with_an_import_that_is_not_linked_is_refused_in_plain_words",
            "a_hook_that_fails_burns_no_code_and_no_refresh_token",
            "every_hostile_guest_fails_alone_in_the_pool",
            "no_grant_covers_what_the_protocol_owns",
        ],
    ),
];

#[test]
fn vulnerability_classes_have_tests() {
    let all = workspace_tests::all();
    let names: BTreeSet<&str> = all.iter().filter_map(|test| test.rsplit("::").next()).collect();
    for (class, tests) in CLASSES {
        for test in tests {
            assert!(
                names.contains(test),
                "{test} is gone, and with it what would notice: {class}"
            );
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
        let module = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let is_built = module == "main" || main.lines().any(|line| line == format!("mod {module};"));
        assert!(
            is_built,
            "{module}.rs is not a module of main.rs: its tests never run"
        );
        // The files of a folder are the parts of the module of that name.
        if path.is_file() {
            let source = fs::read_to_string(&path).expect("source");
            tested.extend(workspace_tests::names(&source).into_iter().filter_map(line_of));
        }
    }
    let missing: Vec<u32> = due().filter(|line| !tested.contains(line)).collect();
    assert!(
        missing.is_empty(),
        "no test named edge_NN_… for the lines {missing:?}"
    );
}

/// The number of the test `edge_NN_…`.
fn line_of(name: &str) -> Option<u32> {
    let (number, _) = name.strip_prefix("edge_")?.split_once('_')?;
    number.parse().ok()
}
