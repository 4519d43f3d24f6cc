//! `kill -9` under load. A ledger, kept outside the server, holds what it acknowledged: after each restart every
//! acknowledged refresh token still works, and no redeemed code works again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use authly_testkit::{
    Site, TestClient, TestUser, browser::TestBrowser, client::Pkce, postgres::PostgresServer,
    process::ServerProcess, random::SeededRng,
};

use crate::register;

/// How many callers load the server at once.
const CALLERS: usize = 6;
/// A caller redeems a new code after this many refreshes.
const REFRESHES: usize = 4;

/// All callers have one address.
const LOAD: &str = "\n[server]\nauthorize_rate_per_minute = 1000000\nauthorize_burst = 1000000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    rounds(ServerProcess::prepare(None, LOAD)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_postgresql() {
    let postgres = PostgresServer::shared().await.expect("PostgreSQL");
    let database = postgres.create_database().await.expect("a database");
    rounds(ServerProcess::prepare(Some(database.url()), LOAD)).await;
}

/// What the server said yes to.
#[derive(Default)]
struct Ledger {
    /// Per family, the refresh token last received.
    refresh_tokens: Vec<String>,
    /// Codes that were exchanged for tokens in this round, with their verifiers.
    redeemed: Vec<(String, Pkce)>,
}

async fn rounds(mut server: ServerProcess) {
    let rounds: u64 = std::env::var("AUTHLY_KILL_ROUNDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(3);
    server.start();
    let site = Site::new(
        &server.url,
        Arc::new(SeededRng::new(u64::from(std::process::id()))),
    );
    let (client, user) = register(&server);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let (mut refreshed, mut redeemed) = (0, 0);
    for round in 0..rounds {
        let killed = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            let mut caller = Caller {
                site: site.clone(),
                client: client.clone(),
                ledger: Arc::clone(&ledger),
                killed: Arc::clone(&killed),
            };
            let browser = signed_in(&site, &client, &user).await;
            callers.push(tokio::spawn(
                async move { caller.call_until_killed(browser).await },
            ));
        }
        // Another moment of the server's life each time.
        tokio::time::sleep(Duration::from_millis(300 + 67 * (round % 10))).await;
        killed.store(true, Ordering::SeqCst);
        server.kill_nine();
        for caller in callers {
            caller.await.expect("a caller only stops when the server is gone");
        }
        server.start();
        let Ledger {
            refresh_tokens,
            redeemed: codes,
        } = std::mem::take(&mut *ledger.lock().unwrap());
        refreshed += refresh_tokens.len();
        redeemed += codes.len();
        for token in refresh_tokens {
            let answer = site.token(&client, &site.refresh(&client, &token)).await;
            assert_eq!(
                answer.status, 200,
                "round {round}: an acknowledged refresh token is lost: {}",
                answer.body
            );
        }
        for (code, pkce) in codes {
            let answer = site.token(&client, &site.exchange(&client, &code, &pkce)).await;
            assert_eq!(
                answer.status, 400,
                "round {round}: a redeemed code works again: {}",
                answer.body
            );
            assert_eq!(answer.json()["error"], "invalid_grant");
        }
    }
    println!(
        "{rounds} rounds: {refreshed} acknowledged refresh tokens kept, {redeemed} redeemed codes stayed spent"
    );
    assert!(refreshed > 0 && redeemed > 0, "the load reached both grants");
}

/// A browser whose person has consented, so that the next authorization needs no page.
async fn signed_in(site: &Site, client: &TestClient, user: &TestUser) -> TestBrowser {
    let mut browser = site.browser();
    let (request, _) = site.authorization(client, "openid offline_access");
    site.grant(&mut browser, &request, user).await;
    browser
}

struct Caller {
    site: Site,
    client: TestClient,
    ledger: Arc<Mutex<Ledger>>,
    /// Set just before the server is: an unanswered request before that is a defect.
    killed: Arc<AtomicBool>,
}

impl Caller {
    /// An answer, or none because the server is dead.
    fn unless_killed<T>(&self, answer: Option<T>) -> Option<T> {
        assert!(
            answer.is_some() || self.killed.load(Ordering::SeqCst),
            "a living server left a request without an answer"
        );
        answer
    }

    /// Until a request gets no answer: the server is dead, and what it did with that request is unknown.
    async fn call_until_killed(&mut self, mut browser: TestBrowser) {
        while let Some(family) = self.redeem(&mut browser).await {
            for _ in 0..REFRESHES {
                if self.refresh(family).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Redeems a new code; answers the family's place in the ledger.
    async fn redeem(&mut self, browser: &mut TestBrowser) -> Option<usize> {
        let (request, pkce) = self.site.authorization(&self.client, "openid offline_access");
        let url = request.url(&self.site.at("/api/v1/oauth/authorize"));
        let back = self.unless_killed(browser.try_get(url).await)?;
        let code = back
            .redirect_param("code")
            .unwrap_or_else(|| panic!("no code: {} {}", back.status, back.body));
        let exchange = self.site.exchange(&self.client, &code, &pkce);
        let answer = self.unless_killed(self.site.try_token(&self.client, &exchange).await)?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["refresh_token"].as_str().unwrap().to_owned();
        let mut ledger = self.ledger.lock().unwrap();
        ledger.redeemed.push((code, pkce));
        ledger.refresh_tokens.push(token);
        Some(ledger.refresh_tokens.len() - 1)
    }

    async fn refresh(&mut self, family: usize) -> Option<()> {
        let token = self.ledger.lock().unwrap().refresh_tokens[family].clone();
        let refresh = self.site.refresh(&self.client, &token);
        let answer = self.unless_killed(self.site.try_token(&self.client, &refresh).await)?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let next = answer.json()["refresh_token"].as_str().unwrap().to_owned();
        self.ledger.lock().unwrap().refresh_tokens[family] = next;
        Some(())
    }
}
