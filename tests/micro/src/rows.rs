//! The requests that are counted, and the server that answers them.

use std::hint::black_box;

use anyhow::{Context as _, Result, bail};
use authly_testkit::{
    TestApp, TestClient, TestRoutes, TestUser,
    client::{Form, basic},
};
use bytes::Bytes;
use http::{Request, Response, header};

/// Requests before counting begins: statements get prepared, caches filled.
const WARM_UP: u32 = 30;
/// Requests that are counted.
pub const REQUESTS: u32 = 100;
/// What callgrind is told to dump before: [`mark`], whatever its mangled name ends with.
pub const MARK: &str = "*authly_micro*rows*mark*";

/// One kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// `client_credentials`, ES256.
    Token,
    /// A rotation.
    Refresh,
    /// An authorization request of a person who has a session and agreed before: a redirect with a code.
    Authorize,
    /// A code for tokens.
    Code,
    /// Introspection of a token seen before.
    Introspect,
    /// UserInfo with a token seen before.
    Userinfo,
}

impl Row {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Token,
        Self::Refresh,
        Self::Authorize,
        Self::Code,
        Self::Introspect,
        Self::Userinfo,
    ];

    /// What it is called on the command line and in `instructions.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::Authorize => "authorize",
            Self::Code => "code",
            Self::Introspect => "introspect",
            Self::Userinfo => "userinfo",
        }
    }

    /// By name.
    pub fn parse(name: &str) -> Result<Self> {
        let row = Self::ALL.into_iter().find(|row| row.name() == name);
        row.with_context(|| format!("no row is called `{name}`; there are {}", Self::names()))
    }

    /// All names, for people.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// Where counting begins and ends. It must be a function of its own, or callgrind does not see it.
#[inline(never)]
fn mark() {
    black_box(());
}

/// Makes a server, warms it up and asks it between two marks.
pub fn run(row: Row) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut asker = Asker::prepare(row).await?;
        for _ in 0..WARM_UP {
            asker.ask().await?;
        }
        mark();
        for _ in 0..REQUESTS {
            asker.ask().await?;
        }
        mark();
        Ok(())
    })
}

/// A stopped server, whose routes still answer but whose background jobs are no more, and what to ask it.
pub struct Asker {
    routes: TestRoutes,
    /// `Authorization` of the client.
    client: String,
    request: Asked,
}

/// What is asked next.
enum Asked {
    /// The same form at a path, again and again.
    Form { path: &'static str, body: String },
    /// A refresh token, each time the one that was answered before.
    Refresh { refresh_token: String },
    /// A path with a cookie.
    Authorize { uri: String, cookie: String },
    /// Codes that were got beforehand, last first.
    Codes(Vec<String>),
    /// A bearer token.
    Userinfo { authorization: String },
}

impl Asker {
    /// Starts a server, makes what the row needs, and stops what runs beside requests.
    ///
    /// # Errors
    /// When a request that prepares the row is not answered as it should be.
    pub async fn prepare(row: Row) -> Result<Self> {
        let app = TestApp::builder()
            .set("database.url", "sqlite::memory:")
            .set("database.pool_size", "1")
            .set("server.authorize_burst", "100000")
            .start()
            .await;
        let service = app.service_client("service").await;
        let web = app.es256_client("web").await;
        let (client, request) = match row {
            Row::Token => (&service, client_credentials()),
            Row::Refresh => {
                let tokens = tokens(&app, &web).await?;
                (
                    &web,
                    Asked::Refresh {
                        refresh_token: tokens.refresh_token,
                    },
                )
            }
            Row::Authorize => (&web, authorize(&app, &web).await?),
            Row::Code => (&web, codes(&app, &web).await?),
            Row::Introspect => {
                let tokens = tokens(&app, &web).await?;
                let body = encoded(&Form::new().set("token", &tokens.access_token));
                (
                    &web,
                    Asked::Form {
                        path: "/api/v1/oauth/introspect",
                        body,
                    },
                )
            }
            Row::Userinfo => {
                let tokens = tokens(&app, &web).await?;
                let authorization = format!("Bearer {}", tokens.access_token);
                (&web, Asked::Userinfo { authorization })
            }
        };
        let client = basic(&client.id, client.secret.as_deref().context("a secret")?);
        let routes = app.routes.clone();
        app.stop().await;
        Ok(Self {
            routes,
            client,
            request,
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// Unless the answer is what it should be.
    pub async fn ask(&mut self) -> Result<()> {
        match &mut self.request {
            Asked::Form { path, body } => {
                let request = post(path, &self.client, body.clone())?;
                ok(&self.routes.ask(request).await)
            }
            Asked::Refresh { refresh_token } => {
                let body = format!("grant_type=refresh_token&refresh_token={refresh_token}");
                let answer = self.routes.ask(post(TOKEN, &self.client, body)?).await;
                ok(&answer)?;
                *refresh_token = member(answer.body(), "refresh_token")?;
                Ok(())
            }
            Asked::Authorize { uri, cookie } => {
                let request = Request::get(uri.as_str()).header(header::COOKIE, cookie.as_str());
                let answer = self.routes.ask(request.body(Bytes::new())?).await;
                code_of(&answer).map(drop)
            }
            Asked::Codes(bodies) => {
                let body = bodies.pop().context("a code is left")?;
                ok(&self.routes.ask(post(TOKEN, &self.client, body)?).await)
            }
            Asked::Userinfo { authorization } => {
                let request =
                    Request::get("/oidc/userinfo").header(header::AUTHORIZATION, authorization.as_str());
                ok(&self.routes.ask(request.body(Bytes::new())?).await)
            }
        }
    }
}

const TOKEN: &str = "/api/v1/oauth/token";
const AUTHORIZE: &str = "/api/v1/oauth/authorize";
/// What the person agreed to.
const SCOPE: &str = "openid profile offline_access";

fn client_credentials() -> Asked {
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    Asked::Form {
        path: TOKEN,
        body: encoded(&form),
    }
}

/// Signs a person in and has them agree, so that the same request is answered with a code from then on.
async fn authorize(app: &TestApp, client: &TestClient) -> Result<Asked> {
    let (uri, cookie, _) = signed_in(app, client).await;
    Ok(Asked::Authorize { uri, cookie })
}

/// The URI of an authorization request that is answered with a code, the browser's cookies, and the verifier.
async fn signed_in(app: &TestApp, client: &TestClient) -> (String, String, String) {
    let user: TestUser = app.user("alice").await;
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(client, SCOPE);
    app.grant(&mut browser, &request, &user).await;
    let cookies: Vec<String> = browser
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (
        format!("{AUTHORIZE}?{}", encoded(&request)),
        cookies.join("; "),
        pkce.verifier,
    )
}

/// Enough codes, each as the form that redeems it.
async fn codes(app: &TestApp, client: &TestClient) -> Result<Asked> {
    let (uri, cookie, verifier) = signed_in(app, client).await;
    let mut bodies = Vec::new();
    for _ in 0..WARM_UP + REQUESTS {
        let request = Request::get(uri.as_str()).header(header::COOKIE, cookie.as_str());
        let code = code_of(&app.routes.ask(request.body(Bytes::new())?).await)?;
        let form = Form::new()
            .set("grant_type", "authorization_code")
            .set("code", code)
            .set("redirect_uri", &client.redirect_uri)
            .set("code_verifier", &verifier);
        bodies.push(encoded(&form));
    }
    Ok(Asked::Codes(bodies))
}

struct Tokens {
    access_token: String,
    refresh_token: String,
}

async fn tokens(app: &TestApp, client: &TestClient) -> Result<Tokens> {
    let user = app.user("alice").await;
    let tokens = app.tokens(client, &user, SCOPE).await;
    let of = |name: &str| {
        tokens
            .get(name)
            .and_then(|token| token.as_str())
            .map(str::to_owned)
    };
    Ok(Tokens {
        access_token: of("access_token").context("an access token")?,
        refresh_token: of("refresh_token").context("a refresh token")?,
    })
}

fn post(path: &str, authorization: &str, body: String) -> Result<Request<Bytes>> {
    Ok(Request::post(path)
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(body))?)
}

fn encoded(form: &Form) -> String {
    let url = form.url("http://authly.example/");
    url.query().unwrap_or_default().to_owned()
}

fn ok(answer: &Response<Bytes>) -> Result<()> {
    if answer.status().is_success() {
        return Ok(());
    }
    bail!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()));
}

/// The code that a redirect carries.
fn code_of(answer: &Response<Bytes>) -> Result<String> {
    let location = answer
        .headers()
        .get(header::LOCATION)
        .context("a redirect")?
        .to_str()?;
    let (_, rest) = location
        .split_once("code=")
        .with_context(|| format!("no code in {location}"))?;
    Ok(rest.split('&').next().unwrap_or_default().to_owned())
}

/// A text member of a JSON object, without the cost of parsing it all: that would be counted.
fn member(json: &[u8], name: &str) -> Result<String> {
    let json = std::str::from_utf8(json)?;
    let (_, rest) = json
        .split_once(&format!("\"{name}\":\""))
        .with_context(|| format!("no {name} in the answer"))?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}
