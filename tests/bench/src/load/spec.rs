//! What the generator is told on its standard input and says on its standard output, as JSON.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

/// An order: who is asked what, by how many, for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The server.
    pub address: SocketAddr,
    /// Connections that ask at the same time.
    pub callers: usize,
    /// Nothing is counted before this.
    pub warm_up: Duration,
    /// Then everything is counted for so long.
    pub measured: Duration,
    /// Ends earlier, after so many answers of all callers together: for set-ups.
    pub answers_max: Option<u64>,
    /// Hands back this member of every JSON answer: for set-ups.
    pub collect: Option<String>,
    /// The process whose processor time is measured.
    pub server: Option<u32>,
    /// The postmaster, whose processor time and that of its children is measured.
    pub postmaster: Option<u32>,
    /// What every caller does over and over.
    pub work: Work,
}

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Without a body.
    Get,
    /// With one.
    Post,
}

/// A request, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Header fields beside those HTTP itself needs.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: String,
    /// The status that is an answer; any other is an error.
    pub expected: u16,
}

/// Where in a request a token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// `Authorization: Bearer`.
    Bearer,
    /// At the end of the body.
    Body,
}

/// What a caller does; one time through it is one request of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// The same request.
    Same(Request),
    /// The same request with another token each time.
    EachToken {
        /// The rest of the request.
        request: Request,
        /// Where the token goes.
        place: Place,
        /// The tokens.
        tokens: Vec<String>,
        /// Over and over through all of them; else the load ends early when every one was presented.
        again: bool,
    },
    /// A chain of refresh tokens: what an answer brings goes into the caller's next request.
    Refresh {
        /// Its body ends where the refresh token goes.
        request: Request,
        /// One token per caller to begin with.
        tokens: Vec<String>,
    },
    /// An authorization request in a session that has consented, and the exchange of its code (RFC 6749 §4.1, RFC
    /// 7636). State, nonce and code verifier are new each time.
    CodeFlow {
        /// The query ends where `state`, `nonce` and `code_challenge` go; no `Cookie`.
        authorize: Request,
        /// One `Cookie` value per caller.
        cookies: Vec<String>,
        /// Its body ends where `code` and `code_verifier` go.
        token: Request,
    },
    /// A sign-in with a password: an authorization request of an unknown browser, the form, the form sent.
    Login {
        /// The query ends where `state`, `nonce` and `code_challenge` go.
        authorize: Request,
        /// What sends the form, without a body.
        form: Request,
        /// One user name and password per caller.
        people: Vec<(String, String)>,
    },
}

/// What came of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Answers as expected.
    pub answers: u64,
    /// Other answers, and connections lost.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
    /// How long it was measured: until the last answer.
    pub lasted: Duration,
    /// Latency of 50 of 100 answers.
    pub p50: Duration,
    /// Of 95.
    pub p95: Duration,
    /// Of 99.
    pub p99: Duration,
    /// Processor time of the server meanwhile.
    pub server_cpu: Option<Duration>,
    /// Of PostgreSQL.
    pub postgres_cpu: Option<Duration>,
    /// Of the generator itself.
    pub generator_cpu: Duration,
    /// Of everything on the machine.
    pub machine_cpu: Option<Duration>,
    /// What was to be handed back.
    pub collected: Vec<String>,
    /// It ended early, for every token was presented.
    pub used_up: bool,
}

impl Measured {
    /// Answers per second, all callers together.
    pub fn per_second(&self) -> f64 {
        let seconds = self.lasted.as_secs_f64();
        if seconds > 0.0 {
            count(self.answers) / seconds
        } else {
            0.0
        }
    }

    /// What a reader must know of a load that ended early.
    pub fn note(&self) -> Option<String> {
        let seconds = self.lasted.as_secs_f64();
        self.used_up
            .then(|| format!("ended after {seconds:.1} s: every token was presented"))
    }

    /// What share of `cores` others had than those who were measured, in percent: figures of a run in which they had
    /// much say little.
    pub fn others_percent(&self, cores: usize) -> Option<f64> {
        let own = [self.server_cpu, self.postgres_cpu].into_iter().flatten();
        let own = own.sum::<Duration>() + self.generator_cpu;
        let others = self.machine_cpu?.saturating_sub(own).as_secs_f64();
        let there_was = self.lasted.as_secs_f64() * f64::from(u32::try_from(cores).ok()?);
        (there_was > 0.0).then(|| 100.0 * others / there_was)
    }

    /// Some processor time in milliseconds per answer.
    pub fn ms_per_answer(&self, time: Duration) -> f64 {
        1e3 * time.as_secs_f64() / count(self.answers.max(1))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests fits")]
fn count(answers: u64) -> f64 {
    answers as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_its_pipe() {
        let request = Request {
            method: Method::Post,
            target: "/token".to_owned(),
            headers: vec![("authorization".to_owned(), "Basic eDp5".to_owned())],
            body: "grant_type=refresh_token&refresh_token=".to_owned(),
            expected: 200,
        };
        let spec = Spec {
            address: ([127, 0, 0, 1], 80).into(),
            callers: 2,
            warm_up: Duration::from_millis(250),
            measured: Duration::from_secs(1),
            answers_max: Some(3),
            collect: Some("access_token".to_owned()),
            server: Some(4),
            postmaster: None,
            work: Work::Refresh {
                request,
                tokens: vec!["a".to_owned(), "b".to_owned()],
            },
        };
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
    }

    #[test]
    fn rates_and_shares_are_per_answer() {
        let measured = Measured {
            answers: 400,
            lasted: Duration::from_secs(2),
            ..Measured::default()
        };
        assert!((measured.per_second() - 200.0).abs() < 1e-9);
        assert!((measured.ms_per_answer(Duration::from_millis(20)) - 0.05).abs() < 1e-9);
        assert!(Measured::default().per_second().abs() < 1e-9);
    }

    #[test]
    fn what_nobody_measured_had_is_that_of_others() {
        let measured = Measured {
            lasted: Duration::from_secs(2),
            server_cpu: Some(Duration::from_millis(1_500)),
            postgres_cpu: Some(Duration::from_millis(500)),
            generator_cpu: Duration::from_secs(1),
            machine_cpu: Some(Duration::from_millis(3_400)),
            ..Measured::default()
        };
        assert!((measured.others_percent(2).unwrap() - 10.0).abs() < 1e-9);
        assert_eq!(Measured::default().others_percent(2), None);
    }
}
