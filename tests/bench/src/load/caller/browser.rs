//! Callers that stand for a browser and its client: the code flow, and the sign-in before one.

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::header::{COOKIE, HeaderValue};
use url::form_urlencoded;

use crate::load::{
    answer::{Answer, query_param},
    connection::{Connection, Failure, Prepared},
};

/// See [`Work::CodeFlow`](crate::load::Work::CodeFlow).
pub struct CodeFlow {
    authorize: Prepared,
    token: Prepared,
}

impl CodeFlow {
    /// In the session of `cookie`.
    pub fn new(authorize: &Prepared, cookie: &str, token: Prepared) -> Result<Self> {
        let cookie = HeaderValue::from_str(cookie).context("a cookie is no header value")?;
        Ok(Self {
            authorize: authorize.with_header(COOKIE, cookie),
            token,
        })
    }

    /// From the authorization request to the tokens.
    pub async fn once(&self, connection: &mut Connection) -> Result<Answer, Failure> {
        let fresh = Fresh::generate()?;
        let redirect = connection
            .ask(&self.authorize.with_query(&fresh.query())?)
            .await?;
        let location = redirect.location().unwrap_or_default();
        let code = query_param(location, "code")
            .ok_or_else(|| Failure::Unexpected(format!("no code: {location}")))?;
        let rest = format!("&code={code}&code_verifier={}", fresh.verifier);
        connection.ask(&self.token.with_body(&rest)).await
    }
}

/// See [`Work::Login`](crate::load::Work::Login).
pub struct Login {
    authorize: Prepared,
    form: Prepared,
    credentials: String,
}

impl Login {
    /// As the person of this user name and password.
    pub fn new(authorize: Prepared, form: Prepared, (username, password): &(String, String)) -> Self {
        let credentials = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", username)
            .append_pair("password", password)
            .finish();
        Self {
            authorize,
            form,
            credentials,
        }
    }

    /// From the authorization request of an unknown browser to the answer that sets the session cookie.
    pub async fn once(&self, connection: &mut Connection) -> Result<Answer, Failure> {
        let redirect = connection
            .ask(&self.authorize.with_query(&Fresh::generate()?.query())?)
            .await?;
        let binding = HeaderValue::from_str(&redirect.cookies())
            .map_err(|error| Failure::Unexpected(format!("a cookie: {error}")))?;
        let shown = self
            .authorize
            .at(path_and_query(redirect.location().unwrap_or_default()))?
            .with_header(COOKIE, binding.clone())
            .expecting(hyper::StatusCode::OK);
        let page = connection.ask(&shown).await?;
        let hidden = |name: &str| {
            let value = page.hidden(name);
            value.ok_or_else(|| Failure::lacking(&format!("the field {name}")))
        };
        let fields = format!(
            "interaction={}&csrf={}&{}",
            hidden("interaction")?,
            hidden("csrf")?,
            self.credentials
        );
        let answer = connection
            .ask(&self.form.with_body(&fields).with_header(COOKIE, binding))
            .await?;
        if answer.cookies().is_empty() {
            return Err(Failure::lacking("a session cookie"));
        }
        Ok(answer)
    }
}

/// What a client makes anew for each authorization request.
struct Fresh {
    state: String,
    verifier: String,
}

impl Fresh {
    fn generate() -> Result<Self, Failure> {
        Ok(Self {
            state: random()?,
            verifier: random()?,
        })
    }

    /// `state` serves as `nonce` too.
    fn query(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let state = &self.state;
        format!("&state={state}&nonce={state}&code_challenge={challenge}")
    }
}

/// 256 random bits as base64url, which is also a code verifier (RFC 7636 §4.1).
fn random() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Failure::Unexpected("no randomness on this machine".to_owned()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A redirect as a request target: without scheme and host where it has them.
fn path_and_query(location: &str) -> &str {
    let Some((_, rest)) = location.split_once("://") else {
        return location;
    };
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_becomes_a_request_target() {
        assert_eq!(
            path_and_query("http://127.0.0.1:80/login?interaction=i"),
            "/login?interaction=i"
        );
        assert_eq!(path_and_query("/login"), "/login");
        assert_eq!(path_and_query("http://127.0.0.1"), "/");
    }

    #[test]
    fn the_challenge_is_the_hash_of_the_verifier() {
        // RFC 7636 appendix B.
        let fresh = Fresh {
            state: "s".to_owned(),
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
        };
        let expected = "&state=s&nonce=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(fresh.query(), expected);
    }
}
