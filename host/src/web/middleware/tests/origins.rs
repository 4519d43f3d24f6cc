//! Where requests may come from, and how many.

use super::*;

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
