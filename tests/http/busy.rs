//! More sign-ins at once than the queue of the password pool holds.

use std::time::Duration;

use authly_testkit::{TestApp, TestClient, TestUser, browser::Answer};
use tokio::time::timeout;

use crate::login::{at_login, try_login};

/// Sign-ins at once: one is worked on, one waits, and the others find no place.
const AT_ONCE: usize = 8;

/// How long the test goes on until the machine does them at once indeed.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_sign_in_that_finds_no_place_is_told_when_to_come_back() {
    let app = TestApp::builder()
        .set("login.password_threads", "1")
        .set("login.password_queue", "1")
        // Whoever is being checked counts until it is known who they are.
        .set("login.account_free_failures", "100")
        .start()
        .await;
    let client = app.public_client("web").await;
    let user = app.user("alice").await;
    let crowded = async {
        loop {
            let answers = crowd(&app, &client, &user).await;
            if answers.iter().any(|answer| answer.status == 503) {
                return answers;
            }
        }
    };
    for answer in timeout(PATIENCE, crowded).await.expect("one finds no place") {
        if answer.status == 503 {
            app.assert_page(&answer, 503);
            assert_eq!(answer.header("retry-after"), "2");
            assert!(answer.has_field("password"), "the form stays");
        } else {
            assert_eq!(answer.status, 303, "{}", answer.body);
        }
    }
    let (mut browser, page) = at_login(&app, "later").await;
    let later = try_login(&mut browser, &page, &user.username, &user.password).await;
    assert_eq!(later.status, 303);
}

/// As many browsers at the sign-in page, all of which send the form at once.
async fn crowd(app: &TestApp, client: &TestClient, user: &TestUser) -> Vec<Answer> {
    let mut ready = Vec::new();
    for _ in 0..AT_ONCE {
        let mut browser = app.browser();
        let (request, _) = app.authorization(client, "openid");
        let page = app.authorize(&mut browser, &request).await;
        ready.push((browser, page));
    }
    let sent: Vec<_> = ready
        .into_iter()
        .map(|(mut browser, page)| {
            let user = user.clone();
            tokio::spawn(async move { try_login(&mut browser, &page, &user.username, &user.password).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.expect("a browser"));
    }
    answers
}
