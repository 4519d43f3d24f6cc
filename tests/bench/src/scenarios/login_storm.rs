//! Many sign-ins with passwords, beside others that want a token.
//!
//! A processor that is shared is slower, whatever shares it. So the p99 beside the storm is held against the p99 beside
//! as many threads of the same standing with the scheduler as the server's own password threads, which only burn the
//! processors: what is left is what the sign-ins do to the others through the server itself.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::sleep;

use super::{
    burner::{Burner, Threads},
    fact, median, ms, ratio, token_requests,
};
use crate::{
    load::{self, Measured, Spec},
    plan::Plan,
    report::Fact,
    rows::login,
    setup::Stage,
};

/// The figure: a ratio of two p99.
pub const NAME: &str = "login storm, p99 of client_credentials";
/// The same beside threads with the standing of all others.
const AT_EQUAL_STANDING: &str = "login storm, p99 against burners of normal priority";
const SIGN_INS: &str = "login storm, sign-ins per second";
const SIGN_INS_ALONE: &str = "sign-ins per second without token requests";

const CALLERS: usize = 32;
/// What the server calls the threads that hash.
const THREAD: &str = "password";
/// A p99 of a few seconds is not the same twice: how the callers fall in step decides. An odd number has a middle.
const ROUNDS: usize = 3;
/// How long a storm goes on before it is looked at.
const GATHERING: Duration = Duration::from_secs(2);

/// p99 of token requests beside burning threads, and beside a storm, by turns.
pub async fn measure(plan: &Plan) -> Result<Vec<Fact>> {
    let stage = Stage::open_with(plan, "").await?;
    let own = Threads::of_process(stage.server.pid().context("the server runs")?, THREAD)?;
    let alone = token_requests(&stage, plan).await?;
    let equal = beside(Threads { niceness: 0, ..own }, &stage, plan).await?;
    let storm = storm(&stage, plan)?;
    let calm = checked(load::run(&storm).await?)?;
    let (mut burning, mut stormy, mut sign_ins) = (Vec::new(), Vec::new(), calm.clone());
    for _ in 0..ROUNDS {
        burning.push(beside(own, &stage, plan).await?.p99);
        let requests = async {
            sleep(GATHERING).await;
            token_requests(&stage, plan).await
        };
        let (people, requests) = tokio::join!(load::run(&storm), requests);
        sign_ins = checked(people?)?;
        stormy.push(requests?.p99);
    }
    let (burning, stormy) = (median(burning), median(stormy));
    let note = format!(
        "p99 {:.2} ms beside {CALLERS} callers that sign in, {:.2} ms beside {} threads of niceness {} that burn, {:.2} \
         ms alone; medians of {ROUNDS} rounds",
        ms(stormy),
        ms(burning),
        own.count,
        own.niceness,
        ms(alone.p99)
    );
    Ok(vec![
        fact(NAME, ratio(stormy, burning), "×").noting(note),
        fact(AT_EQUAL_STANDING, ratio(stormy, equal.p99), "×")
            .noting(format!("p99 {:.2} ms beside those", ms(equal.p99))),
        fact(SIGN_INS, sign_ins.per_second(), "/s").noting(format!("p99 {:.0} ms", ms(sign_ins.p99))),
        fact(SIGN_INS_ALONE, calm.per_second(), "/s").noting(format!("p99 {:.0} ms", ms(calm.p99))),
    ])
}

/// What came of a storm in which everybody was signed in.
fn checked(storm: Measured) -> Result<Measured> {
    let error = storm.first_error.as_deref().unwrap_or_default();
    ensure!(
        storm.errors == 0 && storm.answers > 0,
        "a sign-in failed: {error}"
    );
    Ok(storm)
}

async fn beside(threads: Threads, stage: &Stage, plan: &Plan) -> Result<Measured> {
    let _burner = Burner::start(threads);
    token_requests(stage, plan).await
}

/// It is measured from before the token requests are until after.
fn storm(stage: &Stage, plan: &Plan) -> Result<Spec> {
    let order = stage.order(plan, CALLERS, login(stage, CALLERS)?.work)?;
    Ok(Spec {
        measured: order.measured + GATHERING * 2,
        ..order
    })
}
