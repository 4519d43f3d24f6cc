//! The load: a fixed number of callers, each with a connection of its own, each asking again as soon as it is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// What every caller does over and over.
#[derive(Clone)]
pub enum Work {
    /// A plain GET.
    Get { url: String },
    /// A GET with an access token.
    GetBearer { url: String, token: String },
    /// A form that never changes.
    Post {
        url: String,
        authorization: String,
        body: String,
    },
    /// A chain of refresh tokens, one per caller.
    Refresh {
        url: String,
        authorization: String,
        refresh_tokens: Vec<String>,
    },
}

/// A measured row.
pub struct Row {
    /// Requests answered per second, all callers together.
    pub per_second: f64,
    /// Half of all answers came within this.
    pub p50: Duration,
    /// 99 of 100 did.
    pub p99: Duration,
    /// Size of an answer's body.
    pub answer_bytes: usize,
}

/// Runs `work` by `callers` for a second to warm up, then for `measured`.
pub async fn measure(work: Work, callers: usize, measured: Duration) -> Result<Row> {
    let answer_bytes = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + measured;
    let mut tasks = Vec::new();
    for nth in 0..callers {
        let (work, bytes) = (work.clone(), Arc::clone(&answer_bytes));
        tasks.push(tokio::spawn(
            async move { call(work, nth, begin, end, &bytes).await },
        ));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort_unstable();
    let at = |part: usize| {
        latencies
            .get(latencies.len() * part / 100)
            .copied()
            .context("no request was answered")
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of requests fits")]
    let per_second = latencies.len() as f64 / measured.as_secs_f64();
    Ok(Row {
        per_second,
        p50: at(50)?,
        p99: at(99)?,
        answer_bytes: answer_bytes.load(Ordering::Relaxed),
    })
}

async fn call(
    mut work: Work,
    nth: usize,
    begin: Instant,
    end: Instant,
    bytes: &AtomicUsize,
) -> Result<Vec<Duration>> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(1)
        .build()?;
    let mut latencies = Vec::new();
    loop {
        let started = Instant::now();
        if started >= end {
            return Ok(latencies);
        }
        let response = request(&http, &work, nth)?.send().await?;
        ensure!(
            response.status() == 200,
            "{}: {}",
            response.status(),
            response.text().await?
        );
        let body = response.bytes().await?;
        if started >= begin {
            latencies.push(started.elapsed());
        }
        bytes.store(body.len(), Ordering::Relaxed);
        if let Work::Refresh { refresh_tokens, .. } = &mut work {
            let answer: serde_json::Value = serde_json::from_slice(&body)?;
            let next = answer["refresh_token"].as_str().context("a successor")?;
            next.clone_into(refresh_tokens.get_mut(nth).context("a token per caller")?);
        }
    }
}

fn request(http: &reqwest::Client, work: &Work, nth: usize) -> Result<reqwest::RequestBuilder> {
    let form = |url: &str, authorization: &str, body: String| {
        http.post(url)
            .header("authorization", authorization)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    Ok(match work {
        Work::Get { url } => http.get(url),
        Work::GetBearer { url, token } => http.get(url).bearer_auth(token),
        Work::Post {
            url,
            authorization,
            body,
        } => form(url, authorization, body.clone()),
        Work::Refresh {
            url,
            authorization,
            refresh_tokens,
        } => {
            let token = refresh_tokens.get(nth).context("a token per caller")?;
            form(
                url,
                authorization,
                format!("grant_type=refresh_token&refresh_token={token}"),
            )
        }
    })
}
