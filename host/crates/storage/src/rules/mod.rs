//! Rules both backends must apply alike. The database decides who wins (a guarded `UPDATE … RETURNING`); these name
//! the outcome for those it turned away, and compute what is stored.

pub(crate) mod interactions;
pub(crate) mod plugins;
pub(crate) mod spend;
pub(crate) mod throttle;
