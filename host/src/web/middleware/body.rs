//! Reads the request body before the handler runs: whole, within its limit and its deadline.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use tokio::time::timeout;

use crate::web::error::Failure;

/// Replaces the body by its bytes. A GET or HEAD carries nothing that anybody reads: its body is dropped.
///
/// # Errors
/// 413 when it is larger than `bytes_max`, said or sent; 408 when it takes longer than `deadline`; 400 when the peer
/// breaks off.
pub async fn read(
    request: Request<Body>,
    bytes_max: usize,
    deadline: Duration,
) -> Result<Request<Body>, Failure> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    // `Content-Length`, where there is one: refused before a byte is read.
    if body.size_hint().lower() > u64::try_from(bytes_max).unwrap_or(u64::MAX) {
        return Err(Failure::body_too_large());
    }
    let read = timeout(deadline, Limited::new(body, bytes_max).collect()).await;
    match read {
        Ok(Ok(collected)) => Ok(Request::from_parts(parts, Body::from(collected.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::body_too_large()),
        Ok(Err(_)) => Err(Failure::body_broken()),
        Err(_) => Err(Failure::body_too_slow()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::StatusCode;
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    const DEADLINE: Duration = Duration::from_millis(20);

    async fn status_for(method: Method, body: Body) -> Result<Bytes, StatusCode> {
        let request = Request::builder().method(method).body(body).unwrap();
        match read(request, 4, DEADLINE).await {
            Ok(request) => Ok(request.into_body().collect().await.unwrap().to_bytes()),
            Err(failure) => Err(failure.status()),
        }
    }

    fn streamed(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|c| Ok::<_, Infallible>(Bytes::from_static(c.as_bytes())))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_may_be_exactly_as_large_as_its_limit() {
        assert_eq!(
            status_for(Method::POST, Body::from("1234")).await.unwrap(),
            "1234"
        );
        assert_eq!(
            status_for(Method::POST, streamed(&["12", "34"])).await.unwrap(),
            "1234"
        );
        let too_large = Err(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status_for(Method::POST, Body::from("12345")).await, too_large);
        assert_eq!(
            status_for(Method::POST, streamed(&["12", "345"])).await,
            too_large
        );
        assert_eq!(status_for(Method::GET, Body::from("12345")).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_ended_at_the_deadline() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(
            status_for(Method::POST, silent).await,
            Err(StatusCode::REQUEST_TIMEOUT)
        );
    }
}
