//! A running server as clients and browsers use it, wherever it runs: in this process or in one of its own.

use std::sync::Arc;

use authly_core::Rng;
use reqwest::{Method, header};
use serde_json::Value;

use crate::{
    browser::{Answer, TestBrowser},
    client::{Form, Pkce, basic},
};

/// A registered client and its secret.
#[derive(Clone, Debug)]
pub struct TestClient {
    /// `client_id`.
    pub id: String,
    /// Its secret, unless it is public.
    pub secret: Option<String>,
    /// Its first redirect URI.
    pub redirect_uri: String,
}

/// A person and their password.
#[derive(Clone, Debug)]
pub struct TestUser {
    /// `sub`.
    pub id: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Where a server is and how a test talks to it.
#[derive(Clone)]
pub struct Site {
    /// Issuer and base URL.
    pub url: String,
    /// An HTTP client that follows no redirect and keeps no cookie.
    pub http: reqwest::Client,
    /// A source of randomness for the test itself.
    pub rng: Arc<dyn Rng>,
}

impl Site {
    /// The server at `url`.
    pub fn new(url: &str, rng: Arc<dyn Rng>) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        Self {
            url: url.to_owned(),
            http,
            rng,
        }
    }

    /// The whole URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A fresh browser.
    pub fn browser(&self) -> TestBrowser {
        TestBrowser::new(&self.url)
    }

    /// A good authorization request: change what the test is about.
    pub fn authorization(&self, client: &TestClient, scope: &str) -> (Form, Pkce) {
        let pkce = Pkce::new(self.rng.as_ref());
        let form = Form::new()
            .set("response_type", "code")
            .set("client_id", &client.id)
            .set("redirect_uri", &client.redirect_uri)
            .set("scope", scope)
            .set("state", "s-1")
            .set("nonce", "n-1")
            .set("code_challenge", &pkce.challenge)
            .set("code_challenge_method", "S256");
        (form, pkce)
    }

    /// Sends an authorization request by GET and follows our own redirects.
    pub async fn authorize(&self, browser: &mut TestBrowser, request: &Form) -> Answer {
        let answer = browser
            .get(request.url(&self.at("/api/v1/oauth/authorize")))
            .await;
        browser.follow(answer).await
    }

    /// Fills the sign-in form on the page and follows.
    pub async fn sign_in(&self, browser: &mut TestBrowser, page: &Answer, user: &TestUser) -> Answer {
        let hidden = page.hidden_fields();
        assert!(
            page.has_field("password"),
            "not a sign-in page: {} {}",
            page.status,
            page.body
        );
        let form = [
            ("interaction", hidden["interaction"].as_str()),
            ("csrf", hidden["csrf"].as_str()),
            ("username", user.username.as_str()),
            ("password", user.password.as_str()),
        ];
        let answer = browser.post(self.at("/login"), &form).await;
        browser.follow(answer).await
    }

    /// Presses a button on the consent page and follows.
    pub async fn decide(&self, browser: &mut TestBrowser, page: &Answer, decision: &str) -> Answer {
        let hidden = page.hidden_fields();
        assert!(
            page.has_field("decision"),
            "not a consent page: {} {}",
            page.status,
            page.body
        );
        let form = [
            ("interaction", hidden["interaction"].as_str()),
            ("csrf", hidden["csrf"].as_str()),
            ("decision", decision),
        ];
        let answer = browser.post(self.at("/consent"), &form).await;
        browser.follow(answer).await
    }

    /// Whatever it takes to get back to the client: signs in and allows where asked. Answers the redirect.
    pub async fn grant(&self, browser: &mut TestBrowser, request: &Form, user: &TestUser) -> Answer {
        let mut answer = self.authorize(browser, request).await;
        if answer.has_field("password") {
            answer = self.sign_in(browser, &answer, user).await;
        }
        if answer.has_field("decision") {
            answer = self.decide(browser, &answer, "allow").await;
        }
        assert!(
            answer.status.is_redirection(),
            "not back at the client: {} {}",
            answer.status,
            answer.body
        );
        answer
    }

    /// A code for the client, by a fresh browser.
    pub async fn code(&self, client: &TestClient, user: &TestUser, scope: &str) -> (String, Pkce) {
        let (request, pkce) = self.authorization(client, scope);
        let answer = self.grant(&mut self.browser(), &request, user).await;
        (
            answer
                .redirect_param("code")
                .unwrap_or_else(|| panic!("no code in {}", answer.location())),
            pkce,
        )
    }

    /// A good code exchange: change what the test is about.
    pub fn exchange(&self, client: &TestClient, code: &str, pkce: &Pkce) -> Form {
        let form = Form::new()
            .set("grant_type", "authorization_code")
            .set("code", code)
            .set("redirect_uri", &client.redirect_uri)
            .set("code_verifier", &pkce.verifier);
        if client.secret.is_none() {
            form.set("client_id", &client.id)
        } else {
            form
        }
    }

    /// A good refresh.
    pub fn refresh(&self, client: &TestClient, refresh_token: &str) -> Form {
        let form = Form::new()
            .set("grant_type", "refresh_token")
            .set("refresh_token", refresh_token);
        if client.secret.is_none() {
            form.set("client_id", &client.id)
        } else {
            form
        }
    }

    /// Asks the token endpoint as the client, which authenticates as registered (Basic, or not at all).
    pub async fn token(&self, client: &TestClient, form: &Form) -> Answer {
        let authorization = client.secret.as_ref().map(|secret| basic(&client.id, secret));
        self.token_with(authorization.as_deref(), form).await
    }

    /// Asks the token endpoint; `None` when the server does not answer.
    pub async fn try_token(&self, client: &TestClient, form: &Form) -> Option<Answer> {
        let mut request = self.http.post(self.at("/api/v1/oauth/token")).form(&form.pairs());
        if let Some(secret) = &client.secret {
            request = request.header(header::AUTHORIZATION, basic(&client.id, secret));
        }
        try_read(request).await.ok()
    }

    /// Asks the token endpoint with an `Authorization` header of the test's choosing.
    pub async fn token_with(&self, authorization: Option<&str>, form: &Form) -> Answer {
        let mut request = self.http.post(self.at("/api/v1/oauth/token")).form(&form.pairs());
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        read(request).await
    }

    /// Sends a form to a path as the client, which authenticates as registered (Basic, or by its `client_id` alone).
    pub async fn post_as(&self, client: &TestClient, path: &str, form: &Form) -> Answer {
        let request = self.http.post(self.at(path));
        let request = match &client.secret {
            Some(secret) => request
                .header(header::AUTHORIZATION, basic(&client.id, secret))
                .form(&form.pairs()),
            None => request.form(&form.clone().set("client_id", &client.id).pairs()),
        };
        read(request).await
    }

    /// Asks, as the client, what a token is worth.
    pub async fn introspect(&self, client: &TestClient, token: &str) -> Answer {
        let form = Form::new().set("token", token);
        self.post_as(client, "/api/v1/oauth/introspect", &form).await
    }

    /// Gives a token up, as the client.
    pub async fn revoke(&self, client: &TestClient, token: &str) -> Answer {
        let form = Form::new().set("token", token);
        self.post_as(client, "/api/v1/oauth/revoke", &form).await
    }

    /// Tokens for the client, from sign-in to exchange.
    pub async fn tokens(&self, client: &TestClient, user: &TestUser, scope: &str) -> Value {
        let (code, pkce) = self.code(client, user, scope).await;
        let answer = self.token(client, &self.exchange(client, &code, &pkce)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// Asks UserInfo with a bearer token.
    pub async fn userinfo(&self, access_token: &str) -> Answer {
        read(self.http.get(self.at("/oidc/userinfo")).bearer_auth(access_token)).await
    }

    /// Asserts that the client is told `error` by redirect, as in RFC 6749 §4.1.2.1: with the request's `state` and
    /// with `iss` (RFC 9207 §2), and without a code.
    pub fn assert_client_told(&self, answer: &Answer, request: &Form, error: &str) {
        assert_eq!(answer.status, 303, "{error}: {}", answer.body);
        let asked = |name| {
            request
                .pairs()
                .into_iter()
                .find(|(n, v)| *n == name && !v.is_empty())
                .map(|(_, v)| v)
        };
        if let Some(redirect_uri) = asked("redirect_uri") {
            let location = answer.header("location");
            assert!(
                location
                    .strip_prefix(redirect_uri)
                    .is_some_and(|r| r.starts_with(['?', '&'])),
                "{location}"
            );
        }
        let param = |name| answer.redirect_param(name);
        assert_eq!(param("error").as_deref(), Some(error), "{}", answer.location());
        assert_eq!(param("state").as_deref(), asked("state"), "{}", answer.location());
        assert_eq!(param("iss").as_deref(), Some(self.url.as_str()));
        assert_eq!(param("code"), None);
    }

    /// Asserts that a person is shown a page of this status and that the browser is sent nowhere.
    pub fn assert_page(&self, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.header("location"), "", "nobody is sent anywhere");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store");
    }

    /// Any request without a body.
    pub async fn request(&self, method: Method, path: &str) -> Answer {
        read(self.http.request(method, self.at(path))).await
    }
}

/// Sends a request and reads the answer whole.
pub async fn read(request: reqwest::RequestBuilder) -> Answer {
    try_read(request).await.expect("an answer")
}

async fn try_read(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers, url) = (
        response.status(),
        response.headers().clone(),
        response.url().clone(),
    );
    Ok(Answer {
        status,
        headers,
        body: response.text().await?,
        url,
    })
}

/// The payload of a JWT, unverified: what a test wants to look at.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a JWT.
pub fn jose_header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = token
        .split('.')
        .nth(index)
        .unwrap_or_else(|| panic!("not a JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
