//! Why a completion was turned away.

use authly_core::ports::CompleteOutcome;

/// Names the outcome for a completion that matched no interaction at its version.
pub(crate) const fn not_completed(finished: bool) -> CompleteOutcome {
    if finished {
        CompleteOutcome::AlreadyFinished
    } else {
        CompleteOutcome::Stale
    }
}
