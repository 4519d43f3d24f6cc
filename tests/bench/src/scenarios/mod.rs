//! What is no row of load: memory at rest, the start, and what one kind of caller does to the others.

use crate::{plan::Plan, report::Report};

/// Measures what the plan wants, each by its name.
#[allow(clippy::unused_async, reason = "the modules it waits for come one by one")]
pub async fn run(_plan: &Plan, _report: &mut Report) {}
