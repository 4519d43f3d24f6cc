//! How often a request waits for PostgreSQL. A statement that runs for the first time on a connection is prepared there
//! before, which is not counted: that is once per connection.

use std::time::Duration;

use authly_testkit::{
    TestApp, TestClient, TestUser,
    client::Form,
    postgres::{PostgresServer, RoundTrip, RoundTrips},
};
use reqwest::Method;
use serde_json::Value;

const SCOPE: &str = "openid profile offline_access";

/// A server on PostgreSQL behind a proxy that counts.
struct Counted {
    app: TestApp,
    round_trips: RoundTrips,
    client: TestClient,
    user: TestUser,
}

impl Counted {
    async fn start() -> Self {
        let server = PostgresServer::shared().await.unwrap();
        let database = server.create_database().await.unwrap();
        let round_trips = RoundTrips::before(&database).unwrap();
        let app = TestApp::builder()
            .on_database(database)
            .set("database.url", round_trips.url())
            .start()
            .await;
        let client = app.confidential_client("web").await;
        let user = app.user("alice").await;
        let counted = Self {
            app,
            round_trips,
            client,
            user,
        };
        counted.settle().await;
        counted
    }

    /// Runs one request; answers what it waited for, time by time, and what it came to.
    async fn of<T>(&self, request: impl Future<Output = T>) -> (Vec<RoundTrip>, T) {
        self.round_trips.take();
        let answer = request.await;
        let mut waited = self.round_trips.take();
        waited.retain(|round_trip| !round_trip.ran.iter().all(|sql| is_of_a_job(sql)));
        (waited, answer)
    }

    /// Waits until the server has heard of everything that was made here. A poll that began since then tells it, and the
    /// one after that begins when it has been told.
    async fn settle(&self) {
        self.round_trips.take();
        let mut polls = 0;
        while polls < 2 {
            self.app.request(Method::GET, "/health").await;
            let is_poll = |round_trip: &RoundTrip| round_trip.ran.iter().any(|sql| sql.contains(POLL));
            polls += self.round_trips.take().iter().filter(|r| is_poll(r)).count();
        }
    }

    async fn token(&self, form: &Form) -> Value {
        let answer = self.app.token(&self.client, form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

/// What a poll of the invalidations says and nothing else does.
const POLL: &str = "LEFT JOIN invalidations";

/// What the server does beside its requests: it follows invalidations, and removes what has expired.
fn is_of_a_job(sql: &str) -> bool {
    [POLL, "LISTEN ", "ctid = ANY"]
        .iter()
        .any(|part| sql.contains(part))
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

#[tokio::test]
async fn code_flow_waits_twice_to_authorize_and_twice_for_the_token() {
    let counted = Counted::start().await;
    let Counted {
        app, client, user, ..
    } = &counted;
    let mut browser = app.browser();
    let (first, _) = app.authorization(client, SCOPE);
    app.grant(&mut browser, &first, user).await;
    let (request, pkce) = app.authorization(client, SCOPE);
    let (waited, answer) = counted.of(app.authorize(&mut browser, &request)).await;
    assert_eq!(waited.len(), 2, "with a session and a consent: {waited:#?}");
    let code = answer.redirect_param("code").unwrap();
    let exchange = app.exchange(client, &code, &pkce);
    let (waited, _) = counted.of(counted.token(&exchange)).await;
    assert_eq!(waited.len(), 2, "load and spend: {waited:#?}");

    app.advance(Duration::from_mins(10));
    counted.settle().await;
    let (request, _) = app.authorization(client, SCOPE);
    // Somebody else's request has the client and the scopes remembered again.
    app.authorize(&mut app.browser(), &request).await;
    let (waited, answer) = counted.of(app.authorize(&mut browser, &request)).await;
    assert!(answer.redirect_param("code").is_some());
    assert_eq!(
        waited.len(),
        3,
        "and once in a while the session is noted as used: {waited:#?}"
    );
}

#[tokio::test]
async fn refresh_waits_twice() {
    let counted = Counted::start().await;
    let Counted {
        app, client, user, ..
    } = &counted;
    let tokens = app.tokens(client, user, SCOPE).await;
    let refresh = app.refresh(client, text(&tokens, "refresh_token"));
    let (waited, answer) = counted.of(counted.token(&refresh)).await;
    assert_eq!(waited.len(), 2, "load and rotate: {waited:#?}");
    assert!(answer["refresh_token"].is_string());
}

#[tokio::test]
async fn client_credentials_wait_for_nothing() {
    let counted = Counted::start().await;
    let service = counted.app.service_client("service").await;
    counted.settle().await;
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "read");
    let ask = async || counted.app.token(&service, &form).await.status;
    assert_eq!(ask().await, 200);
    let (waited, status) = counted.of(ask()).await;
    assert_eq!((waited, status.as_u16()), (vec![], 200));
}

#[tokio::test]
async fn a_token_that_was_seen_is_judged_without_waiting() {
    let counted = Counted::start().await;
    let Counted {
        app, client, user, ..
    } = &counted;
    let tokens = app.tokens(client, user, SCOPE).await;
    let access_token = text(&tokens, "access_token");
    let introspect = async || app.introspect(client, access_token).await.json();
    assert_eq!(introspect().await["active"], true);
    let (waited, answer) = counted.of(introspect()).await;
    assert_eq!(
        (waited, &answer["active"]),
        (vec![], &true.into()),
        "introspection"
    );
    let (waited, answer) = counted.of(app.userinfo(access_token)).await;
    assert_eq!((waited, answer.status.as_u16()), (vec![], 200), "UserInfo");
}
