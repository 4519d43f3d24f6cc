//! The command line beside a running server: what an operator changes there holds at its endpoints without a restart.

use std::{sync::Arc, time::Duration};

use authly_testkit::{
    Site, TestClient, browser::Answer, client::Form, process::ServerProcess, random::SeededRng,
};
use reqwest::StatusCode;

/// Far beyond the bound in which a server learns of a change (250 ms), for a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two questions.
const TICK: Duration = Duration::from_millis(25);

async fn ask(site: &Site, client: &TestClient) -> Answer {
    let form = Form::new()
        .set("grant_type", "client_credentials")
        .set("scope", "printers");
    site.token(client, &form).await
}

/// Asks until the answer has this status: the server is a process of its own, so nothing tells when it has learned.
async fn until(site: &Site, client: &TestClient, status: StatusCode) -> Answer {
    let asked = async {
        loop {
            let answer = ask(site, client).await;
            if answer.status == status {
                return answer;
            }
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(LIMIT, asked)
        .await
        .unwrap_or_else(|_| panic!("never {status}"))
}

fn client(registered: &serde_json::Value) -> TestClient {
    TestClient {
        id: "svc".to_owned(),
        secret: registered["client_secret"].as_str().map(str::to_owned),
        redirect_uri: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_command_line_changes_holds_at_a_running_server() {
    let mut server = ServerProcess::prepare(None, "");
    server.start();
    let site = Site::new(&server.url, Arc::new(SeededRng::new(7)));
    let admin = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        server.authly_json(
            &[&["admin"], words.as_slice(), &["--output", "json"]].concat(),
            "",
        )
    };
    admin("scope create printers --description Print");
    let made = client(&admin(
        "client create --id svc --grant-type client_credentials --scope printers",
    ));
    until(&site, &made, StatusCode::OK).await;

    admin("client disable svc");
    let refused = until(&site, &made, StatusCode::UNAUTHORIZED).await;
    assert_eq!(refused.json()["error"], "invalid_client");
    admin("client enable svc");
    until(&site, &made, StatusCode::OK).await;

    let rotated = client(&admin("client rotate-secret svc"));
    assert_ne!(rotated.secret, made.secret);
    until(&site, &made, StatusCode::UNAUTHORIZED).await;
    assert_eq!(ask(&site, &rotated).await.status, StatusCode::OK);

    admin("scope delete printers --yes");
    let refused = until(&site, &rotated, StatusCode::BAD_REQUEST).await;
    assert_eq!(refused.json()["error"], "invalid_scope");
    admin("client delete svc --yes");
    until(&site, &rotated, StatusCode::UNAUTHORIZED).await;
}
