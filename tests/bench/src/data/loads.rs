//! What is asked of both servers.

use anyhow::Result;

use super::{database::token_of, size::Size};
use crate::{
    load::{Method, Place, Request, Work},
    setup::{SCOPE, Stage, text},
};

/// The most distinct clients, tokens or people that a load goes through.
const DISTINCT_MAX: u64 = 200_000;

/// What a refresh may use up while it is measured, beyond which it ends: it would present a spent token.
const REFRESHES_MIN: u64 = 100_000;

/// The client all others are copies of: they share its secret, which goes into the body, so that each request can be
/// another client's.
#[derive(Clone)]
pub struct Template {
    secret: String,
}

impl Template {
    /// Registers it.
    ///
    /// # Errors
    /// When the answer has no secret.
    pub fn register(stage: &Stage) -> Result<Self> {
        let mut args = vec![
            "admin", "client", "create", "--id", "template", "--output", "json",
        ];
        args.extend(["--grant-type", "client_credentials", "--scope", "read"]);
        args.extend(["--token-endpoint-auth-method", "client_secret_post"]);
        let client = stage.server.authly_json(&args, "");
        Ok(Self {
            secret: text(&client, "client_secret")?.to_owned(),
        })
    }
}

/// One kind of request, whose answer needs the database or what is cached of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A token for a client: each time another one.
    ClientCredentials,
    /// What a refresh token is worth: each time another one.
    Introspection,
    /// A rotation: each time of another family.
    Refresh,
    /// A sign-in with a password.
    Login,
}

/// What they are called, in the order of [`Load::ALL`].
pub const NAMES: [&str; 4] = ["client_credentials", "introspection", "refresh", "login"];

impl Load {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ClientCredentials,
        Self::Introspection,
        Self::Refresh,
        Self::Login,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Introspection => "introspection",
            Self::Refresh => "refresh",
            Self::Login => "login",
        }
    }

    /// What callers of the nearly empty database do.
    ///
    /// # Errors
    /// When nobody can sign in.
    pub async fn on_empty(self, stage: &Stage, template: &Template, callers: usize) -> Result<Work> {
        Ok(match self {
            Self::ClientCredentials => client_credentials(template, vec!["template".to_owned()]),
            Self::Introspection => introspection(stage, chains(stage, callers).await?),
            Self::Refresh => Work::Refresh {
                request: form(Some(stage), TOKEN, "grant_type=refresh_token&refresh_token="),
                tokens: chains(stage, callers).await?,
            },
            Self::Login => login(stage, people(stage, callers)?),
        })
    }

    /// What callers of the filled database do. `round` counts how often this was measured before.
    ///
    /// # Errors
    /// When nobody can sign in.
    pub async fn on_full(
        self,
        (stage, template): (&Stage, &Template),
        callers: usize,
        (size, round): (&Size, u64),
    ) -> Result<Work> {
        // Those of even numbers are the client's own.
        let own = size.users / 2;
        let tokens = |skipped: u64, max: u64| -> Vec<String> {
            let scattered = Size::scattered(own, own).skip(usize::try_from(skipped).unwrap_or(usize::MAX));
            scattered
                .take(usize::try_from(max).unwrap_or(usize::MAX))
                .map(|n| token_of(2 * n))
                .collect()
        };
        Ok(match self {
            Self::ClientCredentials => {
                let ids = Size::scattered(size.clients, DISTINCT_MAX).map(|n| format!("client-{n}"));
                client_credentials(template, ids.collect())
            }
            Self::Introspection => introspection(stage, tokens(0, DISTINCT_MAX / 4)),
            Self::Refresh if own >= 4 * REFRESHES_MIN => Work::EachToken {
                request: form(Some(stage), TOKEN, "grant_type=refresh_token&refresh_token="),
                place: Place::Body,
                tokens: tokens(DISTINCT_MAX / 4 + round * REFRESHES_MIN, REFRESHES_MIN),
                again: false,
            },
            // Too few for one each: every caller goes on with its own.
            Self::Refresh => self.on_empty(stage, template, callers).await?,
            Self::Login => {
                let password = stage.person(0)?.password.clone();
                let people = Size::scattered(size.users, callers as u64)
                    .map(|n| (format!("somebody-{n}"), password.clone()));
                login(stage, people.collect())
            }
        })
    }
}

const AUTHORIZE: &str = "/api/v1/oauth/authorize";
const TOKEN: &str = "/api/v1/oauth/token";
const INTROSPECT: &str = "/api/v1/oauth/introspect";
const FORM: &str = "application/x-www-form-urlencoded";

/// A form; with a stage its client's, which authenticates by a header.
pub fn form(of: Option<&Stage>, target: &str, body: &str) -> Request {
    let authorization = of.map(|stage| ("authorization".to_owned(), stage.authorization()));
    Request {
        method: Method::Post,
        target: target.to_owned(),
        headers: authorization
            .into_iter()
            .chain([("content-type".to_owned(), FORM.to_owned())])
            .collect(),
        body: body.to_owned(),
        expected: 200,
    }
}

fn client_credentials(template: &Template, ids: Vec<String>) -> Work {
    let body = format!(
        "grant_type=client_credentials&scope=read&client_secret={}&client_id=",
        template.secret
    );
    Work::EachToken {
        request: form(None, TOKEN, &body),
        place: Place::Body,
        tokens: ids,
        again: true,
    }
}

fn introspection(stage: &Stage, tokens: Vec<String>) -> Work {
    Work::EachToken {
        request: form(Some(stage), INTROSPECT, "token_type_hint=refresh_token&token="),
        place: Place::Body,
        tokens,
        again: true,
    }
}

/// A refresh token per caller.
async fn chains(stage: &Stage, callers: usize) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for nth in 0..callers {
        tokens.push(text(&stage.tokens(nth).await?, "refresh_token")?.to_owned());
    }
    Ok(tokens)
}

fn people(stage: &Stage, callers: usize) -> Result<Vec<(String, String)>> {
    (0..callers)
        .map(|nth| {
            let person = stage.person(nth)?;
            Ok((person.username.clone(), person.password.clone()))
        })
        .collect()
}

fn login(stage: &Stage, people: Vec<(String, String)>) -> Work {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", &stage.client.id)
        .append_pair("redirect_uri", &stage.client.redirect_uri)
        .append_pair("scope", SCOPE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let headers = [
        ("content-type", FORM),
        ("origin", stage.site.url.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    Work::Login {
        authorize: Request {
            method: Method::Get,
            target: format!("{AUTHORIZE}?{query}"),
            headers: Vec::new(),
            body: String::new(),
            expected: 303,
        },
        form: Request {
            method: Method::Post,
            target: "/login".to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: String::new(),
            expected: 303,
        },
        people,
    }
}
