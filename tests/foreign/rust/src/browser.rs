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

/// Fills the login form, presses Allow, and answers the URL the client is called back with.
pub(crate) fn sign_in(http: &Http, start: Url, back: &str, username: &str, password: &str) -> Result<Url> {
    let mut cookies = BTreeMap::new();
    let mut url = start;
    let mut form: Option<BTreeMap<String, String>> = None;
    for _ in 0..HOPS_MAX {
        if url.as_str().starts_with(back) {
            return Ok(url);
        }
        let request = match &form {
            None => http.get(url.clone()),
            Some(fields) => http
                .post(url.clone())
                .header(ORIGIN, url.origin().ascii_serialization())
                .form(fields),
        };
        let jar: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header(COOKIE, jar.join("; ")).send()?;
        keep_cookies(&response, &mut cookies)?;
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
        let mut fields = hidden_fields(&page);
        if page.contains("name=\"password\"") {
            fields.insert("username".to_owned(), username.to_owned());
            fields.insert("password".to_owned(), password.to_owned());
        } else {
            fields.insert("decision".to_owned(), "allow".to_owned());
        }
        form = Some(fields);
        let form_tag = tags(&page, "<form").next().context("a form")?;
        url = url.join(&attribute(form_tag, "action").unwrap_or_default())?;
    }
    bail!("the sign-in goes in circles");
}

fn keep_cookies(response: &Response, cookies: &mut BTreeMap<String, String>) -> Result<()> {
    for line in response.headers().get_all(SET_COOKIE) {
        let (pair, _) = line
            .to_str()?
            .split_once(';')
            .context("a cookie with attributes")?;
        let (name, value) = pair.split_once('=').context("a cookie with a value")?;
        cookies.insert(name.to_owned(), value.to_owned());
    }
    Ok(())
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
