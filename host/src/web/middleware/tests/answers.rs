//! What answers look like, whatever the handler does.

use super::*;

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
        let is_for_programs = path == "/api";
        assert_eq!(
            answer.header("permissions-policy").is_empty(),
            is_for_programs,
            "{path}"
        );
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
    let answer = web.routes.answer(request).await;
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "9");
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
