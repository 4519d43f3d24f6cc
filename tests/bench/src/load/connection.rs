//! A caller's connection: HTTP/1.1, kept alive, one request at a time.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    StatusCode, Uri,
    client::conn::http1::{self, SendRequest},
    header::{HOST, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    answer::Answer,
    spec::{Method, Request},
};

/// How much of an unexpected answer is told.
const TOLD_CHARS: usize = 300;

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Another answer than expected, or one that lacks what the next request needs; or the connection broke. The
    /// caller goes on.
    Unexpected(String),
    /// Nobody takes connections any more: the load ends.
    Gone(String),
    /// Every token was presented: the caller ends.
    UsedUp,
}

impl Failure {
    /// An answer without something that the next request needs.
    pub fn lacking(what: &str) -> Self {
        Self::Unexpected(format!("an answer without {what}"))
    }
}

/// A request made ready: what is left to do for each is a copy of its parts.
#[derive(Clone)]
pub struct Prepared {
    request: hyper::Request<Full<Bytes>>,
    target: String,
    body: String,
    expected: StatusCode,
}

impl Prepared {
    /// Makes it ready.
    ///
    /// # Errors
    /// When it is no HTTP.
    pub fn new(request: &Request, address: SocketAddr) -> Result<Self> {
        let mut builder = hyper::Request::builder()
            .method(match request.method {
                Method::Get => hyper::Method::GET,
                Method::Post => hyper::Method::POST,
            })
            .uri(&request.target)
            .header(HOST, address.to_string());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        Ok(Self {
            request: builder.body(Full::from(request.body.clone()))?,
            target: request.target.clone(),
            body: request.body.clone(),
            expected: StatusCode::from_u16(request.expected)?,
        })
    }

    /// The same with other text behind its target.
    pub fn with_query(&self, more: &str) -> Result<Self, Failure> {
        self.at(&[&self.target, more].concat())
    }

    /// The same for another target.
    pub fn at(&self, target: &str) -> Result<Self, Failure> {
        let uri: Uri = target
            .parse()
            .map_err(|error| Failure::Unexpected(format!("{target}: {error}")))?;
        let mut changed = self.clone();
        *changed.request.uri_mut() = uri;
        Ok(changed)
    }

    /// The same with more text at the end of its body.
    #[must_use]
    pub fn with_body(&self, more: &str) -> Self {
        let body = Bytes::from([self.body.as_str(), more].concat());
        let mut changed = self.clone();
        *changed.request.body_mut() = Full::new(body);
        changed
    }

    /// The same with one more header field.
    #[must_use]
    pub fn with_header(&self, name: HeaderName, value: HeaderValue) -> Self {
        let mut changed = self.clone();
        changed.request.headers_mut().insert(name, value);
        changed
    }

    /// The same where another status is the expected one.
    #[must_use]
    pub fn expecting(&self, expected: StatusCode) -> Self {
        Self {
            expected,
            ..self.clone()
        }
    }
}

#[cfg(test)]
impl Prepared {
    /// A header field.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }
}

/// The connection. It is made when it is first needed, and again when the server ended it.
pub struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// None yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            sender: None,
        }
    }

    /// Asks, and reads the answer whole.
    pub async fn ask(&mut self, prepared: &Prepared) -> Result<Answer, Failure> {
        let answered = self.exchange(prepared.request.clone()).await;
        let (status, answer) = answered.inspect_err(|_| self.sender = None)?;
        if status == prepared.expected {
            return Ok(answer);
        }
        let told = told(&String::from_utf8_lossy(&answer.body));
        Err(Failure::Unexpected(format!(
            "{} {}: {status} {told}",
            prepared.request.method(),
            prepared.request.uri().path()
        )))
    }

    async fn exchange(
        &mut self,
        request: hyper::Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Answer), Failure> {
        let sender = self.sender().await?;
        let broken = |error: hyper::Error| Failure::Unexpected(format!("the connection broke: {error}"));
        let response = sender.send_request(request).await.map_err(broken)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(broken)?.to_bytes();
        let answer = Answer {
            headers: parts.headers,
            body,
        };
        Ok((parts.status, answer))
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        let usable = match &mut self.sender {
            // Whoever is told that the connection ends is not: a new one is made.
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.sender = None;
        }
        let sender = match self.sender.take() {
            Some(sender) => sender,
            None => connect(self.address)
                .await
                .map_err(|error| Failure::Gone(format!("{error:#}")))?,
        };
        Ok(self.sender.insert(sender))
    }
}

/// The beginning of a body, on one line.
fn told(body: &str) -> String {
    let words: Vec<_> = body.split_whitespace().collect();
    words.join(" ").chars().take(TOLD_CHARS).collect()
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let refused = || format!("the server at {address} takes no connection");
    let stream = TcpStream::connect(address).await.with_context(refused)?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its error comes to the request that is under way.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_on_one_line_and_not_whole() {
        assert_eq!(told("<p>\n  busy\n</p>"), "<p> busy </p>");
        assert_eq!(told(&"x".repeat(1_000)).len(), TOLD_CHARS);
    }
}
