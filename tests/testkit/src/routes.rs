//! The server's routes, asked without a connection: what one request costs, and nothing of the HTTP that carries it.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use authly::web::{Answers, server::Peer};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;

/// Routes that a test calls itself.
#[derive(Clone)]
pub struct TestRoutes(Arc<dyn Answers>);

impl TestRoutes {
    pub(crate) fn new(routes: Arc<dyn Answers>) -> Self {
        Self(routes)
    }

    /// Asks as a peer on this machine would, and reads the answer whole. The URI is a path.
    pub async fn ask(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        request
            .extensions_mut()
            .insert(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let answer = self.0.ask(request).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("an answer to its end");
        Response::from_parts(head, body.to_bytes())
    }
}
