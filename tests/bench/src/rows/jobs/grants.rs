//! Jobs at the token endpoint alone.

use anyhow::Result;
use authly_testkit::client::Form;

use super::{
    Prepared,
    request::{TOKEN, form},
};
use crate::{
    limit,
    load::{Request, Work},
    setup::{Stage, text},
};

/// The client's request for a token of its own.
pub fn own_token(stage: &Stage) -> Request {
    form(stage, TOKEN, "grant_type=client_credentials&scope=read")
}

/// The client for itself.
pub async fn client_credentials(stage: &Stage) -> Result<Prepared> {
    let request = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let body = stage.token_answer(&request).await?;
    let prepared = Prepared::beside(Work::Same(own_token(stage)), limit::Spec::token(TOKEN, body));
    Ok(match stage.plugins {
        0 => prepared,
        _ => prepared.noting("the plugins run, but a client has no attributes to map"),
    })
}

/// Prepares a chain of refresh tokens per caller.
pub async fn chains(stage: &Stage, callers: usize) -> Result<Work> {
    let mut tokens = Vec::new();
    for nth in 0..callers {
        tokens.push(text(&stage.tokens(nth).await?, "refresh_token")?.to_owned());
    }
    let request = form(stage, TOKEN, "grant_type=refresh_token&refresh_token=");
    Ok(Work::Refresh { request, tokens })
}

/// A rotation in each caller's own chain.
pub async fn refresh(stage: &Stage, callers: usize) -> Result<Prepared> {
    let tokens = stage.tokens(0).await?;
    let request = stage.site.refresh(&stage.client, text(&tokens, "refresh_token")?);
    let body = stage.token_answer(&request).await?;
    Ok(Prepared::beside(
        chains(stage, callers).await?,
        limit::Spec::token(TOKEN, body),
    ))
}
