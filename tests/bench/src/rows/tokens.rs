//! Tokens by the thousand, for the rows that must not see one twice.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    load::{self, Spec, Work},
    plan::Plan,
    setup::Stage,
};

/// How long the making of tokens may take.
const MADE_WITHIN: Duration = Duration::from_mins(10);

/// Callers that make them: many, so that those which the database must make durable share its commits.
pub const MAKERS: usize = 128;

/// As many access tokens as the plan says, from `work` of [`MAKERS`] callers.
pub async fn distinct(stage: &Stage, plan: &Plan, work: Work) -> Result<Vec<String>> {
    eprintln!("making {} tokens", plan.distinct);
    let spec = Spec {
        warm_up: Duration::ZERO,
        measured: MADE_WITHIN,
        answers_max: Some(plan.distinct),
        collect: Some("access_token".to_owned()),
        server: None,
        postmaster: None,
        ..stage.order(plan, MAKERS, work)?
    };
    let made = load::run(&spec).await?;
    ensure!(
        made.errors == 0 && made.answers == plan.distinct,
        "{} of {} tokens in {:?}: {}",
        made.answers,
        plan.distinct,
        made.lasted,
        made.first_error.unwrap_or_default()
    );
    Ok(made.collected)
}
