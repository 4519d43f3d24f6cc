//! Forgetting what a write changes, whatever becomes of the write.

use super::{tables::Tables, tenant::CachedTenant};

/// Forgets as it goes out of scope: after an answer, after an error, and when whoever asked hangs up in between. Once
/// a write was begun, only the database knows whether it was stored.
///
/// Where the database stores it only after the caller has hung up, what is loaded meanwhile is the old, and goes with
/// the next poll; nobody was told otherwise.
#[must_use = "what it is dropped before is forgotten too early"]
pub(super) struct Forgetting<'a, F: FnMut(&Tables)> {
    tables: &'a Tables,
    forget: F,
    is_needed: bool,
}

impl CachedTenant {
    /// To be held while something is written.
    pub(super) fn forgetting<F: FnMut(&Tables)>(&self, forget: F) -> Forgetting<'_, F> {
        Forgetting {
            tables: &self.tables,
            forget,
            is_needed: true,
        }
    }
}

impl<F: FnMut(&Tables)> Forgetting<'_, F> {
    /// The database said that nothing changed of what is remembered.
    pub fn call_off(mut self) {
        self.is_needed = false;
    }
}

impl<F: FnMut(&Tables)> Drop for Forgetting<'_, F> {
    fn drop(&mut self) {
        if self.is_needed {
            (self.forget)(self.tables);
        }
    }
}
