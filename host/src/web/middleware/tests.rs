//! Edge and policy around small handlers: what every route's client sees, whatever the handler does.

mod answers;
mod origins;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use authly_core::{Clock, ErrorCode, OAuthError, Rng, Timestamp};
use authly_oauth::Issuer;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    response::Html,
};
use futures_util::stream;
use http_body_util::BodyExt as _;

use super::{
    policy::Row,
    rate_limit::{AddressRate, RateLimit},
    request_id::RequestIds,
};
use crate::web::{
    error::Failure,
    extract::Context,
    pages::Pages,
    router::{Answers as _, Endpoint, Handle, Routes, handle},
    routes::{Audit, Auth, Cache, Cors, Csrf, Mount, Route, Surface, Throttle, When},
    server::ServerLimits,
    state::{Edge, ObservedRequest, RequestObserver},
};

const API: Route = Route {
    path: "/api",
    methods: &[Method::POST],
    mount: Mount::Issuer,
    when: When::Always,
    surface: Surface::Api,
    auth: Auth::None,
    cache: Cache::NoStore,
    cors: Cors::Public,
    csrf: Csrf::Open,
    throttle: Throttle::Server,
    body_bytes_max: 8,
    audit: Audit::None,
    handler: |state| handle(state, || async {}),
};
static API_ROW: Route = API;
static PAGE_ROW: Route = Route {
    path: "/page",
    methods: &[Method::GET, Method::POST],
    surface: Surface::Flow,
    cors: Cors::None,
    csrf: Csrf::SameOrigin,
    ..API
};
static METADATA_ROW: Route = Route {
    path: "/metadata",
    methods: &[Method::GET],
    cache: Cache::Public(Duration::from_mins(5)),
    body_bytes_max: 0,
    ..API
};

static RATED_ROW: Route = Route {
    path: "/rated",
    surface: Surface::Flow,
    cors: Cors::None,
    throttle: Throttle::PerAddress,
    ..API
};

struct Fixed;

/// A clock that stands until a test moves it.
#[derive(Default)]
struct Hands(Mutex<i64>);

impl Hands {
    fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += seconds;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(*self.0.lock().unwrap())
    }
}

impl Rng for Fixed {
    fn fill(&self, dest: &mut [u8]) {
        dest.fill(0xab);
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<ObservedRequest>>);

impl RequestObserver for Seen {
    fn request(&self, request: &ObservedRequest) {
        self.0.lock().unwrap().push(request.clone());
    }

    fn token_request(&self, _grant_type: &'static str, _outcome: &'static str) {}
}

/// What a POST to a row's path with this body does.
async fn act(Context(context): Context, body: Bytes) -> Result<Html<String>, Failure> {
    match body.as_ref() {
        b"panic" => panic!("a handler with a bug"),
        b"hang" => std::future::pending().await,
        b"down" => Err(Failure::unavailable()),
        b"time" => Ok(Html(context.now.as_secs().to_string())),
        b"bad" => Err(OAuthError::new(ErrorCode::InvalidRequest, "Do this.").into()),
        _ => Ok(Html(context.client_ip.to_string())),
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

struct Web {
    routes: Routes,
    seen: Arc<Seen>,
    clock: Arc<Hands>,
}

impl Web {
    fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(Hands::default());
        let edge = Arc::new(Edge {
            issuer: Issuer::parse("https://id.example.com").unwrap(),
            limits: ServerLimits {
                request_timeout: Duration::from_millis(200),
                authorize_rate: RateLimit {
                    per_minute: 60,
                    burst: 2,
                },
                ..ServerLimits::default()
            },
            trusted_proxies: Vec::new(),
            clock: clock.clone(),
            ids: RequestIds::new(Arc::new(Fixed)),
            pages: Arc::new(Pages::load(None, "", Arc::new(Fixed)).unwrap()),
            observer: seen.clone(),
        });
        let rate = Arc::new(AddressRate::new(edge.limits.authorize_rate));
        let rows: [(&'static Route, Handle); 4] = [
            (&API_ROW, handle((), act)),
            (&PAGE_ROW, handle((), act)),
            (&RATED_ROW, handle((), act)),
            (&METADATA_ROW, handle((), || async { "{}" })),
        ];
        let endpoints = rows.into_iter().map(|(route, handle)| {
            let row = Row {
                edge: edge.clone(),
                route,
                rate: rate.clone(),
            };
            (route.path.to_owned(), Endpoint { row, handle })
        });
        let routes = Routes::new(edge.clone(), endpoints);
        Self { routes, seen, clock }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.routes.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[], body).await
    }
}
