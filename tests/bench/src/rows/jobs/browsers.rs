//! Jobs that begin in a browser.

use anyhow::{Result, ensure};
use authly_testkit::{client::Form, site::claims};

use super::{
    Prepared,
    request::{FORM, TOKEN, form, get},
};
use crate::{
    limit::{self, Answer, Route},
    load::{Method, Request, Work},
    setup::{SCOPE, Stage, text},
};

const AUTHORIZE: &str = "/api/v1/oauth/authorize";

/// The authorization request, but for what is new each time.
fn authorization(stage: &Stage) -> Request {
    let query = Form::new()
        .set("response_type", "code")
        .set("client_id", &stage.client.id)
        .set("redirect_uri", &stage.client.redirect_uri)
        .set("scope", SCOPE)
        .set("code_challenge_method", "S256")
        .url(&stage.site.at(AUTHORIZE));
    Request {
        expected: 303,
        ..get(&format!("{AUTHORIZE}?{}", query.query().unwrap_or_default()))
    }
}

/// In a session of each caller's own that has consented.
pub async fn code_flow(stage: &Stage, callers: usize) -> Result<Prepared> {
    let mut cookies = Vec::new();
    for nth in 0..callers {
        cookies.push(stage.session(nth).await?);
    }
    let (code, pkce) = stage.site.code(&stage.client, stage.person(0)?, SCOPE).await;
    let exchange = stage.site.exchange(&stage.client, &code, &pkce);
    let body = stage.token_answer(&exchange).await?;
    let granted: serde_json::Value = serde_json::from_str(&body)?;
    ensure!(
        claims(text(&granted, "access_token")?).get("sub").is_some(),
        "a token of nobody"
    );
    let fixed = form_urlencoded(&[
        ("grant_type", "authorization_code"),
        ("redirect_uri", &stage.client.redirect_uri),
    ]);
    let work = Work::CodeFlow {
        authorize: authorization(stage),
        cookies,
        token: form(stage, TOKEN, &fixed),
    };
    let redirect = Answer::Fixed {
        status: 303,
        headers: vec![(
            "location".to_owned(),
            format!(
                "{}?code={code}&state={code}&iss={}",
                stage.client.redirect_uri, stage.site.url
            ),
        )],
        body: String::new(),
    };
    let route = |path: &str, answer| Route {
        path: path.to_owned(),
        answer,
    };
    let limit = limit::Spec {
        routes: vec![route(AUTHORIZE, redirect), route(TOKEN, Answer::Token { body })],
    };
    Ok(Prepared::beside(work, limit).noting("a request is authorize and token"))
}

fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Of a browser nobody knows.
pub fn login(stage: &Stage, callers: usize) -> Result<Prepared> {
    let people = (0..callers).map(|nth| {
        let person = stage.person(nth)?;
        anyhow::Ok((person.username.clone(), person.password.clone()))
    });
    let form = Request {
        method: Method::Post,
        headers: vec![
            ("content-type".to_owned(), FORM.to_owned()),
            ("origin".to_owned(), stage.site.url.clone()),
            ("sec-fetch-site".to_owned(), "same-origin".to_owned()),
        ],
        expected: 303,
        ..get("/login")
    };
    Ok(Prepared {
        work: Work::Login {
            authorize: authorization(stage),
            form,
            people: people.collect::<Result<_>>()?,
        },
        limit: None,
        note: Some("a request is authorize, the form, and the password (Argon2id)".to_owned()),
    })
}
