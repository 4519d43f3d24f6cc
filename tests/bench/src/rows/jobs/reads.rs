//! Jobs that only read: published documents, introspection, UserInfo.

use anyhow::{Context as _, Result, ensure};
use authly_testkit::{client::Form, site::read};

use super::{
    Prepared, grants,
    request::{form, get},
};
use crate::{
    limit,
    load::{Place, Request, Work},
    plan::Plan,
    rows::{limits::Limit, tokens},
    setup::{Stage, text},
};

const INTROSPECT: &str = "/api/v1/oauth/introspect";
const USERINFO: &str = "/oidc/userinfo";

/// A published document, the same bytes each time.
pub async fn document(stage: &Stage, path: &str) -> Result<Prepared> {
    let answer = read(stage.site.http.get(stage.site.at(path))).await;
    ensure!(answer.status == 200, "{path}: {}", answer.status);
    let limit = limit::Spec::fixed(path, answer.header("content-type"), answer.body.clone());
    Ok(Prepared::beside(Work::Same(get(path)), limit))
}

/// One token, seen before.
pub async fn introspection(stage: &Stage) -> Result<Prepared> {
    let token = client_token(stage).await?;
    let request = form(stage, INTROSPECT, &format!("token={token}"));
    let limit = introspected(stage, &token).await?;
    Ok(Prepared::beside(Work::Same(request), limit))
}

/// Tokens as many as the plan says.
pub async fn introspection_distinct(stage: &Stage, plan: &Plan) -> Result<Prepared> {
    let work = Work::Same(grants::own_token(stage));
    let tokens = tokens::distinct(stage, plan, work).await?;
    let first = tokens.first().context("no token")?.clone();
    let request = form(stage, INTROSPECT, "token=");
    let limit = Limit {
        server: introspected(stage, &first).await?,
        work: Work::Same(form(stage, INTROSPECT, &format!("token={first}"))),
    };
    Ok(Prepared {
        note: Some(format!("{} tokens, one after another", tokens.len())),
        work: Work::EachToken {
            request,
            place: Place::Body,
            tokens,
            again: false,
        },
        limit: Some(limit),
    })
}

async fn client_token(stage: &Stage) -> Result<String> {
    let request = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let answer = serde_json::from_str(&stage.token_answer(&request).await?)?;
    Ok(text(&answer, "access_token")?.to_owned())
}

/// The answer about a token, checked to be that it is good.
async fn introspected(stage: &Stage, token: &str) -> Result<limit::Spec> {
    let request = stage.site.http.post(stage.site.at(INTROSPECT));
    let request = request
        .header("authorization", stage.authorization())
        .form(&[("token", token)]);
    let answer = read(request).await;
    ensure!(
        answer.body.contains("\"active\":true"),
        "{}: {}",
        answer.status,
        answer.body
    );
    Ok(limit::Spec::fixed(
        INTROSPECT,
        answer.header("content-type"),
        answer.body.clone(),
    ))
}

fn bearer(token: &str) -> Request {
    Request {
        headers: vec![("authorization".to_owned(), format!("Bearer {token}"))],
        ..get(USERINFO)
    }
}

/// One token, seen before.
pub async fn userinfo(stage: &Stage) -> Result<Prepared> {
    let tokens = stage.tokens(0).await?;
    let token = text(&tokens, "access_token")?;
    let limit = userinfo_limit(stage, token).await?;
    Ok(Prepared::beside(Work::Same(bearer(token)), limit))
}

/// Tokens as many as the plan says, each of a rotation of its own.
pub async fn userinfo_distinct(stage: &Stage, plan: &Plan) -> Result<Prepared> {
    let tokens = tokens::distinct(stage, plan, grants::chains(stage, tokens::MAKERS).await?).await?;
    let first = tokens.first().context("no token")?.clone();
    let limit = Limit {
        server: userinfo_limit(stage, &first).await?,
        work: Work::Same(bearer(&first)),
    };
    Ok(Prepared {
        note: Some(format!("{} tokens, one after another", tokens.len())),
        work: Work::EachToken {
            request: get(USERINFO),
            place: Place::Bearer,
            tokens,
            again: false,
        },
        limit: Some(limit),
    })
}

async fn userinfo_limit(stage: &Stage, token: &str) -> Result<limit::Spec> {
    let answer = stage.site.userinfo(token).await;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
    Ok(limit::Spec::fixed(
        USERINFO,
        answer.header("content-type"),
        answer.body.clone(),
    ))
}
