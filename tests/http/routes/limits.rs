//! The limits of each row: how large a body, of which type, how often.

use std::{collections::BTreeSet, time::Duration};

use authly::web::routes::{Auth, Route, Throttle};
use authly_testkit::{TestApp, TestUser, browser::Answer, site::read};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{FORM, assert_not_kept, assert_security_headers, auth::bearer_of, path, rows};
use crate::login::{at_login, try_login};

/// Each method of each row that reads a body.
fn reading() -> impl Iterator<Item = (&'static Route, &'static Method)> {
    rows().flat_map(|route| {
        let reads = route.methods.iter().filter(|method| !method.is_safe());
        reads.map(move |method| (route, method))
    })
}

#[tokio::test]
async fn a_body_beyond_the_limit_of_its_row_is_413_and_one_at_the_limit_is_read() {
    let app = TestApp::start().await;
    for (route, method) in reading() {
        let at = format!("{method} {}", route.path);
        assert!((1..=64 * 1024).contains(&route.body_bytes_max), "{at}");
        for (size, over) in [(route.body_bytes_max, false), (route.body_bytes_max + 1, true)] {
            let body = format!("a={}", "x".repeat(size - 2));
            let request = app.http.request(method.clone(), app.at(route.path));
            let answer = read(request.header("content-type", FORM).body(body.clone())).await;
            assert_eq!(answer.status == 413, over, "{at} {size}: {}", answer.status);
            // Without Content-Length the size shows only as it arrives.
            let status = send_chunked(&app, method, route.path, &body).await;
            assert_eq!(status == "413", over, "{at} {size}: {status}");
            if over {
                assert_security_headers(&answer);
                assert_not_kept(&answer);
            }
        }
    }
}

#[tokio::test]
async fn a_body_where_none_is_read_changes_nothing() {
    let app = TestApp::start().await;
    for route in rows().filter(|route| route.methods.contains(&Method::GET)) {
        let path = path(&app, route).await;
        let plain = app.request(Method::GET, &path).await;
        let body = "x".repeat(100_000);
        let with_body = read(
            app.http
                .get(app.at(&path))
                .header("content-type", FORM)
                .body(body),
        )
        .await;
        assert_eq!(plain.status, with_body.status, "{path}");
    }
}

/// Sends a form in chunks and answers the status.
async fn send_chunked(app: &TestApp, method: &Method, path: &str, form: &str) -> String {
    let address = app.url.strip_prefix("http://").expect("http");
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("a request");
    for chunk in form.as_bytes().chunks(10_000) {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        // The server may answer, and stop reading, before the end.
        if stream.write_all(&framed).await.is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("an answer");
    String::from_utf8_lossy(&status[9..]).into_owned()
}

/// They take a token in the header, and then nothing from the body (RFC 6750 §2.1).
const NEED_NO_BODY: [&str; 2] = ["/api/v1/auth/logout", "/oidc/userinfo"];

#[tokio::test]
async fn a_body_of_another_type_is_refused_by_every_row_that_reads_one() {
    let app = TestApp::builder().set("accounts.registration", "open");
    let app = app.start().await;
    let bearer = bearer_of(&app, "openid profile:write account:read account:write").await;
    let origin = app.at("");
    for (route, method) in reading() {
        if *method == Method::POST && NEED_NO_BODY.contains(&route.path) {
            continue;
        }
        for (content_type, encoding) in [
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
            ("application/x-www-form-urlencoded; charset=utf-16", None),
            (FORM, Some("gzip")),
        ] {
            app.advance(Duration::from_mins(1));
            let request = app.http.request(method.clone(), app.at(route.path));
            let mut request = request
                .header("content-type", content_type)
                .header("origin", &origin)
                .body("a=b");
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            if route.auth == Auth::Bearer {
                request = request.bearer_auth(&bearer);
            }
            let answer = read(request).await;
            let at = format!("{method} {} {content_type}: {}", route.path, answer.body);
            assert!(
                matches!(answer.status.as_u16(), 400 | 415),
                "{at}: {}",
                answer.status
            );
            assert!(answer.body.contains("as Content-Type: application"), "{at}");
        }
    }
}

#[tokio::test]
async fn what_a_stranger_makes_the_server_keep_or_compute_is_counted_by_address() {
    let app = TestApp::builder()
        .set("server.authorize_rate_per_minute", "1")
        .set("server.authorize_burst", "2")
        .start()
        .await;
    for route in rows().filter(|route| route.throttle == Throttle::PerAddress) {
        for method in route.methods {
            app.advance(Duration::from_hours(1));
            let at = format!("{method} {}", route.path);
            for _ in 0..2 {
                let answer = app.request(method.clone(), route.path).await;
                assert_ne!(answer.status, 429, "{at}");
            }
            assert_too_many(&app.request(method.clone(), route.path).await, &at);
        }
    }
}

fn assert_too_many(answer: &Answer, at: &str) {
    assert_eq!(answer.status, 429, "{at}: {}", answer.body);
    let wait = answer.header("retry-after").parse::<u32>();
    assert!(wait.is_ok_and(|seconds| (1..=3600).contains(&seconds)), "{at}");
    assert_security_headers(answer);
    assert_not_kept(answer);
}

#[tokio::test]
async fn guesses_at_a_password_are_delayed_wherever_one_is_asked_for() {
    let app = TestApp::builder()
        .set("login.account_free_failures", "1")
        .start()
        .await;
    for route in rows().filter(|route| route.throttle == Throttle::Login) {
        app.advance(Duration::from_hours(1));
        let user = app
            .user(&format!("guessed{}", route.path.replace('/', "-")))
            .await;
        let answer = guess(&app, route.path, &user).await;
        assert_too_many(&answer, route.path);
    }
}

/// The third of three wrong guesses: one is free, one begins the delay.
async fn guess(app: &TestApp, path: &str, user: &TestUser) -> Answer {
    match path {
        "/login" => {
            let (mut browser, page) = at_login(app, "guessing").await;
            for _ in 0..2 {
                try_login(&mut browser, &page, &user.username, "wrong").await;
            }
            try_login(&mut browser, &page, &user.username, "wrong").await
        }
        "/account/login" => {
            let mut browser = app.browser();
            let page = browser.get(path).await;
            let mut form = page.hidden_fields();
            form.insert("username".to_owned(), user.username.clone());
            form.insert("password".to_owned(), "wrong".to_owned());
            let pairs: Vec<_> = form
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            for _ in 0..2 {
                browser.post(path, &pairs).await;
            }
            browser.post(path, &pairs).await
        }
        "/api/v1/auth/change-password" => {
            let client = crate::users::account_client(app).await;
            let (bearer, _) = crate::users::tokens(app, &client, user).await;
            let body = json!({ "current_password": "wrong", "new_password": "nine geese cross a bridge" });
            let ask = || read(app.http.post(app.at(path)).bearer_auth(&bearer).json(&body));
            ask().await;
            ask().await;
            ask().await
        }
        other => panic!("{other}: it asks for a password, and nothing here guesses"),
    }
}

#[tokio::test]
async fn only_rows_with_nothing_to_guess_leave_the_caller_alone() {
    let alone: BTreeSet<_> = reading()
        .filter(|(route, _)| route.throttle == Throttle::Server)
        .map(|(route, method)| (route.path, method.as_str()))
        .collect();
    // What each asks for has 256 bits, or is kept in the browser that it was given to.
    let expected = [
        ("/account/consents", "POST"),
        ("/account/sessions", "POST"),
        ("/api/v1/auth/logout", "POST"),
        ("/api/v1/oauth/introspect", "POST"),
        ("/api/v1/oauth/refresh", "POST"),
        ("/api/v1/oauth/revoke", "POST"),
        ("/api/v1/oauth/token", "POST"),
        ("/consent", "POST"),
        ("/logout", "POST"),
        ("/new-password", "POST"),
        ("/oidc/userinfo", "POST"),
        ("/oidc/userinfo", "PUT"),
        ("/select-account", "POST"),
    ];
    assert_eq!(alone, BTreeSet::from(expected));
}
