//! The contract of the storage ports, one suite for both backends. A backend's test file implements [`Backend`] and
//! calls `contract_suite!`, which makes one test per case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

pub mod clients;
pub mod codes;
pub mod completions;
pub mod crowds;
pub mod fixtures;
pub mod grants;
pub mod interactions;
pub mod invalidations;
pub mod keys;
pub mod plugins;
pub mod purge;
pub mod races;
pub mod refresh;
pub mod replay;
pub mod scopes;
pub mod sessions;
pub mod shut_out;
pub mod throttle;
pub mod tokens;
pub mod users;
pub mod uses;

use std::sync::Arc;

use async_trait::async_trait;
use authly_core::{
    TenantId,
    ports::{Storage, TenantStorage},
};
use authly_storage::{DatabaseConfig, Sealer};

/// A fresh, migrated database.
#[async_trait]
pub trait Backend: Send + Sync + Sized {
    /// Makes one.
    async fn fresh() -> Self;

    /// How to open it.
    fn config(&self) -> DatabaseConfig;

    /// The storage under test.
    fn storage(&self) -> Arc<dyn Storage>;

    /// Runs one statement beside the storage and answers its rows, every column as text, bytes as lower-case hex.
    /// For what the ports do not show: effects, and what lies at rest.
    async fn sql(&self, statement: &str) -> Vec<Vec<String>>;

    /// The storage of the served tenant.
    fn tenant(&self) -> Arc<dyn TenantStorage> {
        self.storage().tenant(&TenantId::default_tenant())
    }

    /// The storage of another tenant.
    async fn other_tenant(&self) -> Arc<dyn TenantStorage> {
        self.sql("INSERT INTO tenants (tenant_id) VALUES ('other')").await;
        self.storage().tenant(&TenantId::parse("other").unwrap())
    }

    /// The same database as another node opens it, with this encryption key.
    async fn node(&self, sealer: Sealer) -> Arc<dyn Storage> {
        authly_storage::open(&self.config(), sealer).await.unwrap()
    }

    /// The names of the audit events, in order.
    async fn audit(&self) -> Vec<String> {
        let rows = self.sql("SELECT action FROM audit_events ORDER BY seq").await;
        rows.into_iter().flatten().collect()
    }

    /// How many invalidations, messages and audit events there are.
    async fn effect_counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (count, table) in counts.iter_mut().zip(["audit_events", "invalidations", "outbox"]) {
            *count = self.sql(&format!("SELECT 1 FROM {table}")).await.len();
        }
        counts
    }
}

/// Makes a test of every case for a backend, a type at the root of the test crate.
macro_rules! contract_suite {
    ($backend:ident) => {
        contract_suite! { @modules $backend;
            clients: client_is_loaded_as_created, client_belongs_to_its_tenant, client_id_is_taken_once,
                clients_are_listed_in_pages, client_is_disabled_with_its_effects,
                client_secret_is_sealed_to_its_row, client_is_updated_at_its_version,
                deleted_client_takes_what_it_was_given;
            scopes: scopes_are_seeded_once, scope_is_changed_and_deleted;
            users: user_is_loaded_as_created, user_name_is_taken_once_in_its_normal_form, users_are_listed_in_pages,
                user_is_disabled_with_the_time_and_effects, user_is_updated_at_its_version,
                password_replaces_the_one_that_was_checked, password_change_ends_what_was_opened_before,
                deleted_user_leaves_nothing_alive;
            sessions: session_lives_until_its_end, session_is_loaded_with_its_person_and_what_they_agreed_to, login_replaces_the_session_before,
                session_needs_the_person_as_they_proved_it, session_of_a_person_without_password_begins,
                session_is_ended_once,
                login_is_noted, sessions_are_listed_from_the_newest, use_of_a_session_is_noted_forwards,
                sessions_of_a_person_are_ended_but_one;
            interactions: interaction_lives_until_its_end, transition_needs_the_loaded_version,
                browser_is_bound_once, finished_and_expired_interactions_go_nowhere, chosen_person_is_a_stage,
                consent_is_listed_and_withdrawn;
            completions: completion_writes_consent_grant_and_code, completion_happens_once,
                completion_refuses_what_moved_or_expired, completion_needs_no_interaction,
                consent_grows_by_what_is_agreed, completion_needs_a_living_session,
                completion_needs_the_consent_it_relies_on, completion_needs_an_enabled_person,
                completion_at_once_needs_all_that_one_with_a_page_needs;
            grants: grant_is_revoked_once, everything_of_a_person_ends_in_one_step;
            codes: code_is_loaded_with_its_grant, code_is_redeemed_until_its_expiry,
                redemption_stores_the_refresh_token, replayed_code_revokes_its_grant,
                unknown_and_revoked_codes_are_told_apart, outbox_payload_is_sealed;
            refresh: token_is_rotated_until_its_expiry, retry_within_the_grace_gets_the_same_nonce,
                grace_is_over_at_its_end, use_of_the_successor_erases_the_nonce, replay_revokes_the_family,
                grant_ends_its_tokens, token_is_used_without_rotation, rotated_token_is_judged_without_rotation_too,
                nonce_is_sealed_to_its_row, tokens_belong_to_their_tenant;
            keys: key_is_stored_once_per_algorithm, private_key_is_sealed, wrong_encryption_key_is_corrupt,
                key_belongs_to_its_tenant, keys_follow_one_another, emergency_replaces_the_active_key,
                compromised_keys_go_together_and_at_once,
                removed_key_is_destroyed;
            tokens: opaque_token_is_loaded_until_and_after_its_revocation, revoked_jwt_is_remembered,
                standing_is_the_token_the_grant_and_its_person,
                redemption_stores_the_opaque_token, rotation_stores_the_opaque_token,
                use_without_rotation_stores_the_opaque_token;
            replay: key_is_claimed_once_until_it_expires;
            plugins: first_activation_needs_absence, activation_compares_the_generation,
                three_earlier_candidates_are_kept, refused_candidate_is_remembered,
                plugin_is_disabled_as_a_new_generation, candidate_that_is_left_behind_is_refused;
            throttle: attempt_is_delayed_after_the_free_failures, one_delayed_key_stops_all,
                success_takes_back_and_clears, count_is_forgotten;
            invalidations: poll_answers_what_was_left_since, other_nodes_see_them, unknown_topics_are_passed_over,
                local_write_hints, database_answers_a_ping;
            purge: expired_rows_go_and_live_ones_stay, nonces_go_when_the_grace_ends,
                spent_refresh_token_is_a_replay_until_its_grant_ends, batch_is_a_limit,
                invalidations_age_as_fast_as_they_come,
                invalidations_outlive_a_slow_poll, tokens_and_claims_go_after_their_end,
                removed_signing_key_is_kept_by_name;
            crowds: rotations_at_once_are_each_their_own, redemptions_at_once_are_each_their_own,
                completions_at_once_are_each_their_own;
            races: code_is_redeemed_by_one_of_twenty, rotation_leads_twenty_to_one_successor,
                late_replays_beside_a_rotation_leave_no_child, interaction_is_completed_by_one_of_twenty,
                consents_of_twenty_add_up, key_is_made_by_one_of_twenty, plugin_is_activated_by_one_of_twenty,
                attempts_cannot_outrun_the_count, client_is_created_by_one_of_twenty,
                key_is_claimed_by_one_of_twenty, next_key_is_published_and_activated_by_one_of_twenty,
                client_is_updated_by_one_of_twenty, password_is_changed_by_one_of_twenty;
            uses: uses_beside_a_rotation_are_before_it_or_retries, late_uses_beside_a_rotation_kill_the_family,
                uses_beside_a_revocation_end_with_it;
            shut_out: sign_ins_do_not_outlive_a_password_change, completions_do_not_outlive_a_password_change, completions_do_not_outlive_the_end_of_a_session,
                completions_do_not_outlive_a_disabled_person,
                completions_do_not_outlive_the_consent_they_rely_on;
        }
    };
    (@modules $backend:ident; $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let backend = <crate::$backend as crate::contract::Backend>::fresh().await;
                crate::contract::$module::$case(&backend).await;
            })+
        })+
    };
}
