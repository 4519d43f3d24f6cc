//! The other end of a connection, byte by byte: for what no HTTP client does.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::load::{Method, Request};

/// More than any answer to a token request.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A connection and the request it repeats.
pub struct Peer {
    stream: TcpStream,
}

impl Peer {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("the server takes no connection")?;
        Ok(Self { stream })
    }

    /// Sends the bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads its answer, which has a length and must be a 200.
    pub async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.send(request).await?;
        let mut answer = Vec::new();
        while !is_whole(&answer)? {
            ensure!(answer.len() < ANSWER_BYTES_MAX, "an answer without an end");
            let count = self.stream.read_buf(&mut answer).await?;
            ensure!(count > 0, "the server ended a connection");
        }
        Ok(())
    }
}

/// A request as it goes over the wire.
pub fn bytes_of(request: &Request, address: SocketAddr) -> Vec<u8> {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let mut head = format!("{method} {} HTTP/1.1\r\nhost: {address}\r\n", request.target);
    for (name, value) in &request.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    format!(
        "{head}content-length: {}\r\n\r\n{}",
        request.body.len(),
        request.body
    )
    .into_bytes()
}

fn is_whole(answer: &[u8]) -> Result<bool> {
    let text = std::str::from_utf8(answer)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(false);
    };
    ensure!(head.starts_with("HTTP/1.1 200 "), "{text}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    Ok(body.len() >= length.context("an answer without a length")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_once_its_body_is() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for end in [0, 10, answer.len() - 1] {
            assert!(!is_whole(&answer[..end]).unwrap(), "{end}");
        }
        assert!(is_whole(answer).unwrap());
        assert!(is_whole(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_on_the_wire_says_how_long_it_is() {
        let request = Request {
            method: Method::Post,
            target: "/token".to_owned(),
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: "x=y".to_owned(),
            expected: 200,
        };
        let text = String::from_utf8(bytes_of(&request, ([127, 0, 0, 1], 80).into())).unwrap();
        assert_eq!(
            text,
            "POST /token HTTP/1.1\r\nhost: 127.0.0.1:80\r\na: b\r\ncontent-length: 3\r\n\r\nx=y"
        );
    }
}
