//! The database goes away in the middle of things and comes back: 503 meanwhile, service afterwards, nothing lost.

use authly_testkit::{TestApp, browser::Answer, postgres::PostgresServer, site::read};
use reqwest::Method;

/// An outage, said as one: never a "no".
#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_never_a_no_and_loses_nothing() {
    let postgres = PostgresServer::start_dedicated().await.expect("PostgreSQL");
    let database = postgres.create_database().await.expect("a database");
    let app = TestApp::builder()
        .on_database(database)
        .set("database.connect_timeout", "1s")
        .set("database.wait_timeout", "1s")
        .start()
        .await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let tokens = app.tokens(&client, &user, "openid offline_access").await;
    let access = tokens["access_token"].as_str().unwrap();
    let refresh = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
    let mut browser = app.browser();
    let (request, pkce) = app.authorization(&client, "openid offline_access");
    app.grant(&mut browser, &request, &user).await;
    let code = app
        .grant(&mut browser, &request, &user)
        .await
        .redirect_param("code")
        .unwrap();
    let exchange = app.exchange(&client, &code, &pkce);
    let login_page = app.authorize(&mut app.browser(), &request).await;
    assert!(login_page.has_field("password"));

    postgres.stop().await.expect("it stops");
    unavailable(&app.token(&client, &exchange).await);
    unavailable(&app.token(&client, &refresh).await);
    unavailable(&app.userinfo(access).await);
    unavailable(&app.introspect(&client, access).await);
    unavailable(&app.revoke(&client, access).await);
    let page = browser.get(&login_page.url.to_string()).await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(page.body.contains("<html"), "a person sees a page");
    assert_eq!(
        app.request(Method::GET, "/health").await.status,
        200,
        "the process is alive"
    );
    assert_eq!(
        app.request(Method::GET, "/health/ready").await.status,
        503,
        "and says it is not fit for traffic"
    );

    postgres.start().await.expect("it starts");
    let redeemed = app.token(&client, &exchange).await;
    assert_eq!(redeemed.status, 200, "the code was not spent: {}", redeemed.body);
    let refreshed = app.token(&client, &refresh).await;
    assert_eq!(refreshed.status, 200, "nor the refresh token: {}", refreshed.body);
    assert_eq!(app.userinfo(access).await.status, 200);
    assert_eq!(read(app.http.get(app.at("/health/ready"))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_while_a_code_is_being_spent_has_spent_nothing() {
    let postgres = PostgresServer::start_dedicated().await.expect("PostgreSQL");
    let database = postgres.create_database().await.expect("a database");
    let app = TestApp::builder()
        .on_database(database)
        .set("database.wait_timeout", "1s")
        .start()
        .await;
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    let (code, pkce) = app.code(&client, &user, "openid").await;
    let exchange = app.exchange(&client, &code, &pkce);

    // Reads pass, the write that spends the code waits: the request is past every check and inside the database.
    let take_lock = "BEGIN; LOCK TABLE authorization_codes IN SHARE MODE; SELECT pg_sleep(60)";
    let somebody_waits = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) \
                   THEN RAISE EXCEPTION 'nobody waits yet'; END IF; END $$";
    let lock_is_held = "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
                WHERE c.relname = 'authorization_codes' AND l.mode = 'ShareLock' AND l.granted) \
                THEN RAISE EXCEPTION 'not held yet'; END IF; END $$";
    let database = app.postgres();
    let spending = async {
        while database.execute(lock_is_held).await.is_err() {}
        app.token(&client, &exchange).await
    };
    let dying = async {
        while database.execute(somebody_waits).await.is_err() {}
        postgres.stop().await.expect("it stops");
    };
    let (lock, answer, ()) = tokio::join!(database.execute(take_lock), spending, dying);
    assert!(lock.is_err(), "the lock ended with the server");
    unavailable(&answer);

    postgres.start().await.expect("it starts");
    let again = app.token(&client, &exchange).await;
    assert_eq!(again.status, 200, "{}", again.body);
}
