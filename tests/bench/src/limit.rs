//! The limit server: the same HTTP stack answering a constant, in a process of its own.

use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::TcpListener;

/// The longest constant.
const ANSWER_BYTES_MAX: usize = 1 << 16;

/// Serves until it is killed; prints its address first. `/N` answers N bytes.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let constant = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX]);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let constant = constant.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let bytes = request
                    .uri()
                    .path()
                    .trim_start_matches('/')
                    .parse()
                    .unwrap_or(0usize);
                let body = constant.slice(..bytes.min(ANSWER_BYTES_MAX));
                async move { Ok::<_, Infallible>(Response::new(Full::new(body))) }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The limit server, running; killed when dropped.
pub struct LimitProcess {
    child: Child,
    address: String,
}

impl LimitProcess {
    /// Starts this same program as the limit server.
    pub fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg("limit-server")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("piped")?).read_line(&mut address)?;
        Ok(Self {
            child,
            address: address.trim().to_owned(),
        })
    }

    /// Where it answers with so many bytes.
    pub fn url(&self, bytes: usize) -> String {
        format!("http://{}/{bytes}", self.address)
    }
}

impl Drop for LimitProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
