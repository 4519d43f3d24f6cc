//! A browser without JavaScript: cookies, redirects one at a time, forms as the page wrote them.

use std::collections::BTreeMap;

use reqwest::{
    Method, StatusCode, Url,
    header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE},
};

/// One answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as text.
    pub body: String,
    /// The URL that was asked.
    pub url: Url,
}

impl Answer {
    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }

    /// Where a redirect points, absolute.
    pub fn location(&self) -> Url {
        let text = self
            .headers
            .get(LOCATION)
            .unwrap_or_else(|| panic!("no Location in {self:?}"));
        self.url
            .join(text.to_str().expect("an ASCII location"))
            .expect("a URL")
    }

    /// A query parameter of the redirect.
    pub fn redirect_param(&self, name: &str) -> Option<String> {
        self.location()
            .query_pairs()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.into_owned())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.body))
    }

    /// Hidden fields of the page's form.
    pub fn hidden_fields(&self) -> BTreeMap<String, String> {
        let inputs = self
            .body
            .split("<input")
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .map(|(tag, _)| tag);
        inputs
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| {
                Some((
                    attribute(tag, "name")?,
                    attribute(tag, "value").unwrap_or_default(),
                ))
            })
            .collect()
    }

    /// Where the page's links lead, as written.
    pub fn links(&self) -> Vec<String> {
        let tags = self
            .body
            .split("<a ")
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .map(|(tag, _)| tag);
        tags.filter_map(|tag| attribute(&format!(" {tag}"), "href"))
            .collect()
    }

    /// Whether the page shows a field or button of this name.
    pub fn has_field(&self, name: &str) -> bool {
        self.body.contains(&format!("name=\"{name}\""))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&#x27;", "'")
            .replace("&#x2f;", "/")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// One browser profile: its cookies live as long as it does. Clones share nothing.
#[derive(Debug, Clone)]
pub struct TestBrowser {
    http: reqwest::Client,
    origin: String,
    /// Headers sent with every request, as a proxy in between adds them.
    pub headers: Vec<(&'static str, String)>,
    /// The cookies, by name, for looking at and for tampering with.
    pub cookies: BTreeMap<String, String>,
}

impl TestBrowser {
    /// A fresh profile for the server at `base_url`.
    pub fn new(base_url: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("an HTTP client");
        let origin = Url::parse(base_url)
            .expect("a URL")
            .origin()
            .ascii_serialization();
        Self {
            http,
            origin,
            headers: Vec::new(),
            cookies: BTreeMap::new(),
        }
    }

    /// Asks for a page.
    pub async fn get(&mut self, url: impl AsRef<str>) -> Answer {
        self.send(Method::GET, url.as_ref(), None, None)
            .await
            .expect("an answer")
    }

    /// Asks for a page; `None` when the server does not answer.
    pub async fn try_get(&mut self, url: impl AsRef<str>) -> Option<Answer> {
        self.send(Method::GET, url.as_ref(), None, None).await.ok()
    }

    /// Sends a form from one of the server's own pages.
    pub async fn post(&mut self, url: impl AsRef<str>, form: &[(&str, &str)]) -> Answer {
        let origin = self.origin.clone();
        self.send(Method::POST, url.as_ref(), Some(form), Some(&origin))
            .await
            .expect("an answer")
    }

    /// Sends a form as a page of `origin` would, with the cookies SameSite=Lax lets through: none.
    pub async fn post_cross_site(
        &mut self,
        url: impl AsRef<str>,
        form: &[(&str, &str)],
        origin: &str,
    ) -> Answer {
        let kept = std::mem::take(&mut self.cookies);
        let answer = self
            .send(Method::POST, url.as_ref(), Some(form), Some(origin))
            .await
            .expect("an answer");
        let set = std::mem::replace(&mut self.cookies, kept);
        self.cookies.extend(set);
        answer
    }

    /// Sends a form with an `Origin` of the test's choosing but all cookies: an attack SameSite would stop.
    pub async fn post_with_origin(
        &mut self,
        url: impl AsRef<str>,
        form: &[(&str, &str)],
        origin: &str,
    ) -> Answer {
        self.send(Method::POST, url.as_ref(), Some(form), Some(origin))
            .await
            .expect("an answer")
    }

    /// Follows redirects while they stay on the server; answers the page, or the redirect that leaves.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            if !answer.status.is_redirection() {
                return answer;
            }
            let next = answer.location();
            if next.origin().ascii_serialization() != self.origin {
                return answer;
            }
            answer = self.get(next.as_str()).await;
        }
        panic!("redirects go in circles at {}", answer.url);
    }

    async fn send(
        &mut self,
        method: Method,
        url: &str,
        form: Option<&[(&str, &str)]>,
        origin: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let url = Url::parse(&self.origin).expect("a URL").join(url).expect("a URL");
        let mut request = self.http.request(method, url.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        if let Some(origin) = origin {
            let site = if origin == self.origin {
                "same-origin"
            } else {
                "cross-site"
            };
            request = request.header(ORIGIN, origin).header("Sec-Fetch-Site", site);
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let response = request.send().await?;
        self.keep_cookies(response.headers());
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            body: response.text().await?,
            url,
        })
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("an ASCII cookie");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie pair");
            if attributes.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
