//! `make bench`: the release binary in one process, the load in another, and beside each row the limit server of the
//! same run, so that a figure says something on any machine.
//!
//! The limit server answers a constant of the same size over the same HTTP stack and does nothing else: nobody who
//! serves HTTP this way can be faster. A row is requests per second, its ratio to the limit, and latencies.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is what it is for"
)]
#![allow(clippy::indexing_slicing, reason = "of JSON, which answers null")]
#![allow(
    clippy::disallowed_methods,
    reason = "it measures real time on a real machine"
)]

mod limit;
mod load;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use authly_testkit::{
    Site, TestClient, TestUser,
    process::{ServerProcess, resident_bytes},
    random::SeededRng,
};
use load::{Row, Work};

/// How long each row is measured, after a second of warming up.
const MEASURED: Duration = Duration::from_secs(5);
/// Connections that ask at the same time.
const CALLERS: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    if let Some("limit-server") = std::env::args().nth(1).as_deref() {
        return limit::serve().await;
    }
    let mut server = ServerProcess::prepare(None, "[log]\nlevel = \"warn\"\n");
    server.start();
    let site = Site::new(&server.url, Arc::new(SeededRng::new(1)));
    let client = register(&server);
    let user = person(&server);
    let idle = resident_bytes(server.pid().context("the server runs")?);
    let limit = limit::LimitProcess::start()?;
    println!(
        "{:<34}{:>10}{:>10}{:>10}{:>10}",
        "row", "req/s", "of limit", "p50 ms", "p99 ms"
    );
    for (name, work) in works(&site, &client, &user).await? {
        let row = load::measure(work, CALLERS, MEASURED).await?;
        let bound = load::measure(
            Work::Get {
                url: limit.url(row.answer_bytes),
            },
            CALLERS,
            MEASURED,
        )
        .await?;
        print(name, &row, &bound);
    }
    let loaded = resident_bytes(server.pid().context("the server runs")?);
    println!(
        "memory: {} MiB after the start, {} MiB after the load",
        idle >> 20,
        loaded >> 20
    );
    Ok(())
}

fn print(name: &str, row: &Row, bound: &Row) {
    let of_limit = 100.0 * row.per_second / bound.per_second;
    let (p50, p99) = (row.p50.as_secs_f64() * 1e3, row.p99.as_secs_f64() * 1e3);
    println!(
        "{name:<34}{:>10.0}{of_limit:>9.1}%{p50:>10.2}{p99:>10.2}",
        row.per_second
    );
}

/// What is measured, from the cheapest to the dearest.
async fn works(site: &Site, client: &TestClient, user: &TestUser) -> Result<Vec<(&'static str, Work)>> {
    let authorization =
        authly_testkit::client::basic(&client.id, client.secret.as_deref().unwrap_or_default());
    let mut refresh_tokens = Vec::new();
    let mut access_token = String::new();
    for _ in 0..CALLERS {
        let tokens = site.tokens(client, user, "openid profile offline_access").await;
        refresh_tokens.push(
            tokens["refresh_token"]
                .as_str()
                .context("a refresh token")?
                .to_owned(),
        );
        tokens["access_token"]
            .as_str()
            .context("an access token")?
            .clone_into(&mut access_token);
    }
    let token = site.at("/api/v1/oauth/token");
    Ok(vec![
        (
            "GET discovery",
            Work::Get {
                url: site.at("/.well-known/openid-configuration"),
            },
        ),
        (
            "POST token, client_credentials",
            Work::Post {
                url: token.clone(),
                authorization: authorization.clone(),
                body: "grant_type=client_credentials&scope=read".to_owned(),
            },
        ),
        (
            "GET userinfo",
            Work::GetBearer {
                url: site.at("/oidc/userinfo"),
                token: access_token,
            },
        ),
        (
            "POST token, refresh_token (rotated)",
            Work::Refresh {
                url: token,
                authorization,
                refresh_tokens,
            },
        ),
    ])
}

fn register(server: &ServerProcess) -> TestClient {
    let redirect_uri = "https://bench.example/cb";
    let mut args = vec![
        "admin",
        "client",
        "create",
        "--id",
        "bench",
        "--redirect-uri",
        redirect_uri,
    ];
    for grant in ["authorization_code", "refresh_token", "client_credentials"] {
        args.extend(["--grant-type", grant]);
    }
    args.extend([
        "--scope",
        "openid profile offline_access read",
        "--output",
        "json",
    ]);
    let client = server.authly_json(&args, "");
    TestClient {
        id: "bench".to_owned(),
        secret: client["client_secret"].as_str().map(str::to_owned),
        redirect_uri: redirect_uri.to_owned(),
    }
}

fn person(server: &ServerProcess) -> TestUser {
    let password = "a long pass phrase";
    let args = [
        "admin",
        "user",
        "create",
        "--username",
        "alice",
        "--password-stdin",
        "--output",
        "json",
    ];
    let user = server.authly_json(&args, password);
    let id = user["id"].as_str().unwrap_or_default().to_owned();
    TestUser {
        id,
        username: "alice".to_owned(),
        password: password.to_owned(),
    }
}
