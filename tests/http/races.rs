//! Twenty callers at once, on both databases: what may happen once happens once.

use authly_testkit::{Site, TestApp, TestClient, TestUser, browser::Answer, client::Form};

const CALLERS: usize = 20;

struct Race {
    app: TestApp,
    client: TestClient,
    user: TestUser,
}

async fn on_both() -> [Race; 2] {
    let sqlite = TestApp::start().await;
    let postgres = TestApp::builder().postgres().await.start().await;
    [race(sqlite).await, race(postgres).await]
}

async fn race(app: TestApp) -> Race {
    let client = app.confidential_client("web").await;
    let user = app.user("alice").await;
    Race { app, client, user }
}

/// The same request from every caller, as simultaneously as tasks get.
async fn all_at_once(site: &Site, client: &TestClient, form: &Form) -> Vec<Answer> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (site, client, form) = (site.clone(), client.clone(), form.clone());
            tokio::spawn(async move { site.token(&client, &form).await })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edge_29_one_code_gives_tokens_once() {
    for Race { app, client, user } in on_both().await {
        let (code, pkce) = app.code(&client, &user, "openid offline_access").await;
        let answers = all_at_once(&app, &client, &app.exchange(&client, &code, &pkce)).await;
        let good: Vec<&Answer> = answers.iter().filter(|a| a.status == 200).collect();
        assert_eq!(
            good.len(),
            1,
            "{:?}",
            answers.iter().map(|a| a.status).collect::<Vec<_>>()
        );
        for answer in answers.iter().filter(|a| a.status != 200) {
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["error"]),
                (400, &"invalid_grant".into())
            );
        }
        // The others were replays, so what the one got is dead (RFC 6749 §4.1.2).
        let tokens = good[0].json();
        assert_eq!(
            app.userinfo(tokens["access_token"].as_str().unwrap())
                .await
                .status,
            401
        );
        let refresh = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
        assert_eq!(app.token(&client, &refresh).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn edge_45_parallel_refreshes_lead_to_one_successor() {
    for Race { app, client, user } in on_both().await {
        let tokens = app.tokens(&client, &user, "openid offline_access").await;
        let first = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
        let answers = all_at_once(&app, &client, &first).await;
        let mut successors = std::collections::BTreeSet::new();
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
            successors.insert(answer.json()["refresh_token"].as_str().unwrap().to_owned());
        }
        assert_eq!(successors.len(), 1, "all callers hold the same token");
        let second = app.refresh(&client, successors.first().unwrap());
        assert_eq!(
            app.token(&client, &second).await.status,
            200,
            "and the family lives"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_child_of_a_replayed_family_survives() {
    for Race { app, client, user } in on_both().await {
        for _ in 0..5 {
            let tokens = app.tokens(&client, &user, "openid offline_access").await;
            let first = app.refresh(&client, tokens["refresh_token"].as_str().unwrap());
            let second = app.token(&client, &first).await.json()["refresh_token"]
                .as_str()
                .unwrap()
                .to_owned();
            let second = app.refresh(&client, &second);
            let third = app.token(&client, &second).await.json()["refresh_token"]
                .as_str()
                .unwrap()
                .to_owned();
            // The first token's successor was used: presenting it now is a replay, while its grandchild rotates.
            let third = app.refresh(&client, &third);
            let (replay, rotation) = tokio::join!(app.token(&client, &first), app.token(&client, &third));
            assert_eq!(replay.status, 400);
            if rotation.status == 200 {
                let child = app.refresh(&client, rotation.json()["refresh_token"].as_str().unwrap());
                assert_eq!(
                    app.token(&client, &child).await.status,
                    400,
                    "a child escaped the revocation"
                );
                let access = rotation.json()["access_token"].as_str().unwrap().to_owned();
                assert_eq!(app.userinfo(&access).await.status, 401);
            }
            assert_eq!(app.token(&client, &third).await.status, 400);
        }
    }
}
