//! Edge and policy around small handlers: what every route's client sees, whatever the handler does.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use authly_core::{Clock, ErrorCode, OAuthError, Rng, Timestamp};
use authly_oauth::Issuer;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    middleware::from_fn_with_state,
    response::Html,
    routing::{MethodFilter, get, on},
};
use futures_util::stream;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{
    edge,
    policy::{self, Row},
    rate_limit::{AddressRate, RateLimit},
};
use crate::web::{
    error::Failure,
    extract::Context,
    pages::Pages,
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
    handler: |methods| on(methods, || async {}),
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
    router: Router,
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
            rng: Arc::new(Fixed),
            pages: Arc::new(Pages::load(None, "", Arc::new(Fixed)).unwrap()),
            observer: seen.clone(),
        });
        let post = MethodFilter::POST;
        let both = MethodFilter::GET.or(post);
        let rate = Arc::new(AddressRate::new(edge.limits.authorize_rate));
        let within = |route: &'static Route| {
            let row = Row {
                edge: edge.clone(),
                route,
                rate: rate.clone(),
            };
            from_fn_with_state(row, policy::policy)
        };
        let router = Router::new()
            .route("/api", on(post, act).layer(within(&API_ROW)))
            .route("/page", on(both, act).layer(within(&PAGE_ROW)))
            .route("/rated", on(post, act).layer(within(&RATED_ROW)))
            .route("/metadata", get(|| async { "{}" }).layer(within(&METADATA_ROW)))
            .fallback(policy::unmatched)
            .layer(from_fn_with_state(edge.clone(), edge::edge))
            .with_state(edge);
        Self { router, seen, clock }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap();
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

#[tokio::test]
async fn every_answer_carries_the_request_id_and_security_headers() {
    let web = Web::new();
    for (method, path, body, status) in [
        (Method::POST, "/api", "ok", 200),
        (Method::POST, "/api", "bad", 400),
        (Method::POST, "/api", "panic", 500),
        (Method::POST, "/api", "down", 503),
        (Method::POST, "/api", "too large", 413),
        (Method::GET, "/api", "", 405),
        (Method::GET, "/nowhere", "", 404),
        (Method::GET, "/api/", "", 404),
    ] {
        let answer = web
            .send(method, path, &[("x-correlation-id", "from-proxy")], body)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body}");
        assert_eq!(answer.header("x-correlation-id"), "from-proxy");
        assert_eq!(answer.header("cache-control"), "no-store", "{path} {body}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'")
        );
        assert!(!answer.header("permissions-policy").is_empty());
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    }
    assert_eq!(
        web.post("/api", "ok").await.header("x-correlation-id"),
        "ab".repeat(16)
    );
}

#[tokio::test]
async fn errors_of_programs_are_json_and_errors_of_people_are_pages() {
    let web = Web::new();
    let api = web.post("/api", "bad").await;
    assert_eq!(
        api.body,
        r#"{"error":"invalid_request","error_description":"Do this."}"#
    );
    assert_eq!(api.header("content-type"), "application/json");
    for body in ["bad", "panic", "down", "too large"] {
        let page = web.post("/page", body).await;
        assert!(page.header("content-type").starts_with("text/html"), "{body}");
        assert!(
            page.body.contains(&"ab".repeat(16)),
            "{body}: a page names its request"
        );
    }
    let nowhere = web
        .send(Method::GET, "/nowhere", &[("accept", "text/html,*/*;q=0.8")], "")
        .await;
    assert!(nowhere.header("content-type").starts_with("text/html"));
    assert!(
        web.send(Method::GET, "/nowhere", &[], "")
            .await
            .body
            .starts_with(r#"{"error":"not_found""#)
    );
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let web = Web::new();
    assert_eq!(
        web.send(Method::GET, "/api", &[], "").await.header("allow"),
        "POST"
    );
    assert_eq!(
        web.send(Method::DELETE, "/metadata", &[], "")
            .await
            .header("allow"),
        "GET,HEAD"
    );
    let head = web.send(Method::HEAD, "/metadata", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_handler_that_never_answers_is_a_503_at_the_request_deadline() {
    let web = Web::new();
    let answer = web.post("/api", "hang").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        answer.body.starts_with(r#"{"error":"temporarily_unavailable""#),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "*",
        "a script must be able to read why"
    );
}

#[tokio::test]
async fn the_time_of_a_request_is_when_its_body_had_arrived() {
    let web = Web::new();
    let clock = web.clock.clone();
    let body = stream::once(async move {
        clock.advance(9);
        Ok::<_, Infallible>(Bytes::from_static(b"time"))
    });
    let request = Request::post("/api").body(Body::from_stream(body)).unwrap();
    let answer = web.router.oneshot(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "9");
}

#[tokio::test]
async fn cors_is_where_the_row_says_so_and_nowhere_else() {
    let web = Web::new();
    let asked = [
        ("origin", "https://spa.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    let preflight = web.send(Method::OPTIONS, "/api", &asked, "").await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-methods"), "POST");
    assert!(
        preflight
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    for answer in [
        preflight,
        web.post("/api", "ok").await,
        web.post("/api", "bad").await,
    ] {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(
            answer
                .header("access-control-expose-headers")
                .contains("www-authenticate")
        );
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    }
    let page = web.send(Method::OPTIONS, "/page", &asked, "").await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    for answer in [page, web.send(Method::GET, "/page", &asked[..1], "").await] {
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_where_the_row_says_so() {
    let web = Web::new();
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        web.send(Method::POST, "/page", &foreign, "ok").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        web.send(Method::GET, "/page", &foreign, "").await.status,
        StatusCode::OK
    );
    assert_eq!(
        web.send(Method::POST, "/api", &foreign, "ok").await.status,
        StatusCode::OK
    );
    let own = [("sec-fetch-site", "same-origin")];
    assert_eq!(
        web.send(Method::POST, "/page", &own, "ok").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_address_that_sends_too_much_is_slowed_down_where_the_row_says_so() {
    let web = Web::new();
    for _ in 0..2 {
        assert_eq!(web.post("/rated", "ok").await.status, StatusCode::OK);
    }
    let refused = web.post("/rated", "ok").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.header("content-type").starts_with("text/html"));
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(web.post("/api", "ok").await.status, StatusCode::OK);
    web.clock.advance(1);
    assert_eq!(web.post("/rated", "ok").await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_public_answers_are_kept() {
    let web = Web::new();
    assert_eq!(
        web.send(Method::GET, "/metadata", &[], "")
            .await
            .header("cache-control"),
        "public, max-age=300"
    );
    let page = web.send(Method::GET, "/page", &[], "").await;
    assert_eq!(
        (page.header("cache-control"), page.header("pragma")),
        ("no-store", "no-cache")
    );
    assert_eq!(
        page.header("cross-origin-opener-policy"),
        "unsafe-none",
        "pop-up sign-in"
    );
}

#[tokio::test]
async fn requests_are_observed_by_row_and_never_by_path() {
    let web = Web::new();
    web.post("/api", "bad").await;
    web.send(Method::GET, "/nowhere?code=secret", &[], "").await;
    web.send(Method::from_bytes(b"BREW").unwrap(), "/page", &[], "")
        .await;
    let seen = web.seen.0.lock().unwrap();
    let short: Vec<_> = seen.iter().map(|r| (r.method, r.route, r.status)).collect();
    assert_eq!(
        short,
        [
            ("POST", "/api", 400),
            ("GET", "unmatched", 404),
            ("OTHER", "/page", 405)
        ]
    );
}
