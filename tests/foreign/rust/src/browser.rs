//! Plays the person: plain form posts, as a browser without JavaScript would send them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use openidconnect::reqwest::{
    blocking::{Client as Http, Response},
    header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE},
};
use url::Url;

/// More pages and redirects than a sign-in has.
const HOPS_MAX: usize = 12;

/// A person's browser: it keeps cookies, fills the login form, and agrees to whatever it is asked.
pub(crate) struct Browser<'a> {
    http: &'a Http,
    username: &'a str,
    password: &'a str,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(http: &'a Http, username: &'a str, password: &'a str) -> Self {
        Self {
            http,
            username,
            password,
            cookies: BTreeMap::new(),
        }
    }

    /// Goes where it is sent until it is sent to `back`, and answers that URL.
    pub(crate) fn follow(&mut self, start: Url, back: &str) -> Result<Url> {
        let mut url = start;
        let mut form = None;
        for _ in 0..HOPS_MAX {
            if url.as_str().starts_with(back) {
                return Ok(url);
            }
            let response = self.send(&url, form.as_ref())?;
            if let Some(location) = response.headers().get(LOCATION) {
                url = url.join(location.to_str()?)?;
                form = None;
                continue;
            }
            ensure!(
                response.status().is_success(),
                "{} at {}: {}",
                response.status(),
                url.path(),
                response.text()?
            );
            let page = response.text()?;
            form = Some(self.fill(&page));
            let tag = tags(&page, "<form").next().context("a form")?;
            url = url.join(&attribute(tag, "action").unwrap_or_default())?;
        }
        bail!("the person goes in circles");
    }

    fn send(&mut self, url: &Url, form: Option<&BTreeMap<String, String>>) -> Result<Response> {
        let request = match form {
            None => self.http.get(url.clone()),
            Some(fields) => {
                let origin = url.origin().ascii_serialization();
                self.http.post(url.clone()).header(ORIGIN, origin).form(fields)
            }
        };
        let jar: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header(COOKIE, jar.join("; ")).send()?;
        for line in response.headers().get_all(SET_COOKIE) {
            let (pair, _) = line
                .to_str()?
                .split_once(';')
                .context("a cookie with attributes")?;
            let (name, value) = pair.split_once('=').context("a cookie with a value")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(response)
    }

    fn fill(&self, page: &str) -> BTreeMap<String, String> {
        let mut fields = hidden_fields(page);
        if page.contains("name=\"password\"") {
            fields.insert("username".to_owned(), self.username.to_owned());
            fields.insert("password".to_owned(), self.password.to_owned());
        } else {
            let decision = if page.contains("value=\"logout\"") {
                "logout"
            } else {
                "allow"
            };
            fields.insert("decision".to_owned(), decision.to_owned());
        }
        fields
    }
}

fn hidden_fields(page: &str) -> BTreeMap<String, String> {
    let hidden = tags(page, "<input").filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
    hidden
        .filter_map(|tag| {
            Some((
                attribute(tag, "name")?,
                attribute(tag, "value").unwrap_or_default(),
            ))
        })
        .collect()
}

/// Every tag that begins so, up to its end.
fn tags<'a>(page: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    page.match_indices(begin)
        .filter_map(|(at, _)| page[at..].split('>').next())
}

/// The value of an attribute in double quotes.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#x2f;", "/")
            .replace("&amp;", "&"),
    )
}
