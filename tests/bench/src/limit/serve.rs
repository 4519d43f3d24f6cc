//! The server itself: hyper and nothing above it, on as many worker threads as the server under test has.

use std::{
    convert::Infallible,
    io::{BufRead as _, Read as _},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::spec::{Answer, Jwt, Spec, jwts};

/// Serves what the first line of standard input says, and prints its address first. Ends with its standard input,
/// which is when whoever started it ends.
///
/// # Errors
/// When the order cannot be understood or no port is free.
pub async fn serve() -> Result<()> {
    let mut order = String::new();
    std::io::stdin().lock().read_line(&mut order)?;
    let ready = Arc::new(Ready::new(serde_json::from_str(&order)?)?);
    std::thread::spawn(|| {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let ready = Arc::clone(&ready);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&ready), request));
            // A caller that goes away is no error here.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The order, made ready.
struct Ready {
    routes: Vec<(String, ReadyAnswer)>,
    key: EcdsaKeyPair,
    randomness: SystemRandom,
}

enum ReadyAnswer {
    Fixed {
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
    },
    Token {
        body: Vec<u8>,
        jwts: Vec<Jwt>,
    },
}

impl Ready {
    fn new(spec: Spec) -> Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| anyhow::anyhow!("no key can be made"))?;
        let routes = spec.routes.into_iter().map(|route| {
            let answer = match route.answer {
                Answer::Fixed {
                    status,
                    headers,
                    body,
                } => ReadyAnswer::Fixed {
                    status: StatusCode::from_u16(status)?,
                    headers: headers.iter().map(header).collect::<Result<_>>()?,
                    body: Bytes::from(body),
                },
                Answer::Token { body } => ReadyAnswer::Token {
                    jwts: jwts(&body),
                    body: body.into_bytes(),
                },
            };
            anyhow::Ok((route.path, answer))
        });
        Ok(Self {
            routes: routes.collect::<Result<_>>()?,
            key,
            randomness: SystemRandom::new(),
        })
    }

    /// The body with every signature made anew; `None` when the order has no such place for one.
    fn sign(&self, body: &[u8], jwts: &[Jwt]) -> Option<Vec<u8>> {
        let mut signed = body.to_vec();
        for jwt in jwts {
            let input = body.get(jwt.signing_input.clone())?;
            let signature = self.key.sign(&self.randomness, input).ok()?;
            let place = signed.get_mut(jwt.signature.clone())?;
            URL_SAFE_NO_PAD.encode_slice(signature, place).ok()?;
        }
        Some(signed)
    }
}

fn header((name, value): &(String, String)) -> Result<(HeaderName, HeaderValue)> {
    Ok((
        name.parse().context("a header's name")?,
        value.parse().context("a header's value")?,
    ))
}

async fn answer(ready: Arc<Ready>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answered = try_answer(&ready, request).await;
    Ok(answered.unwrap_or_else(|status| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    }))
}

async fn try_answer(ready: &Ready, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, StatusCode> {
    let path = request.uri().path();
    let route = ready.routes.iter().find(|(own, _)| own == path);
    let (_, answer) = route.ok_or(StatusCode::NOT_FOUND)?;
    match answer {
        ReadyAnswer::Fixed {
            status,
            headers,
            body,
        } => {
            read(request).await?;
            let mut response = Response::new(Full::new(body.clone()));
            *response.status_mut() = *status;
            response.headers_mut().clone_from(headers);
            Ok(response)
        }
        ReadyAnswer::Token { body, jwts } => {
            let form = read(request).await?;
            let pairs: Vec<_> = url::form_urlencoded::parse(&form).collect();
            // Looked at, so that nobody optimises it away.
            if !pairs.iter().any(|(name, _)| name == "grant_type") {
                return Err(StatusCode::BAD_REQUEST);
            }
            let signed = ready.sign(body, jwts).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
            let mut response = Response::new(Full::from(signed));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok(response)
        }
    }
}

async fn read(request: Request<Incoming>) -> Result<Bytes, StatusCode> {
    let collected = request.into_body().collect().await;
    Ok(collected.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_the_length_of_the_one_it_stands_for() {
        let body = format!(r#"{{"access_token":"eyJh.eyJi.{}"}}"#, "A".repeat(86));
        let ready = Ready::new(Spec::token("/token", body.clone())).unwrap();
        let signed = ready.sign(body.as_bytes(), &jwts(&body)).unwrap();
        assert_eq!(signed.len(), body.len());
        assert_ne!(signed, body.as_bytes());
    }
}
