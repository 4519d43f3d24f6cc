//! Rules both backends must apply alike. The database decides who wins (a guarded `UPDATE … RETURNING`); these name
//! the outcome for those it turned away, and compute what is stored.

pub(crate) mod interactions;
pub(crate) mod plugins;
pub(crate) mod spend;
pub(crate) mod throttle;

use authly_core::ports::UpdateOutcome;

/// Names the outcome of an update that compares-and-sets on a version.
pub(crate) const fn update_outcome(updated: bool, exists: bool) -> UpdateOutcome {
    match (updated, exists) {
        (true, _) => UpdateOutcome::Updated,
        (false, true) => UpdateOutcome::Stale,
        (false, false) => UpdateOutcome::Unknown,
    }
}
