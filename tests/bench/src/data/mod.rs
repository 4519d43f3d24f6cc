//! The same look-ups in an empty database and in one of a million people.

use crate::{plan::Plan, report::Report};

/// Measures what the plan wants, each by its name.
#[allow(clippy::unused_async, reason = "the modules it waits for come one by one")]
pub async fn run(_plan: &Plan, _report: &mut Report) {}
