//! One caller: what it does once, and what it remembers for the next time.

mod browser;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};

use self::browser::{CodeFlow, Login};
use super::{
    answer::Answer,
    connection::{Connection, Failure, Prepared},
    spec::{Place, Spec, Work},
};

/// A caller of some work.
pub enum Caller {
    /// [`Work::Same`].
    Same(Prepared),
    /// [`Work::EachToken`].
    EachToken(EachToken),
    /// [`Work::Refresh`].
    Refresh {
        /// Its body lacks the token.
        request: Prepared,
        /// The next to be presented.
        token: String,
    },
    /// [`Work::CodeFlow`].
    CodeFlow(CodeFlow),
    /// [`Work::Login`].
    Login(Login),
}

/// Goes through tokens in steps as long as there are callers, so that all callers together go through all of them, over
/// and over if they may.
#[derive(Clone)]
pub struct EachToken {
    request: Prepared,
    place: Place,
    tokens: Arc<[HeaderValue]>,
    again: bool,
    next: usize,
    step: usize,
}

impl EachToken {
    /// `None` when all were presented.
    fn next(&mut self) -> Option<Prepared> {
        let place = if self.again {
            self.next % self.tokens.len().max(1)
        } else {
            self.next
        };
        let token = self.tokens.get(place)?;
        self.next = self.next.wrapping_add(self.step);
        Some(match self.place {
            Place::Bearer => self.request.with_header(AUTHORIZATION, token.clone()),
            Place::Body => self.request.with_body(token.to_str().ok()?),
        })
    }
}

impl Caller {
    /// Every caller of an order.
    ///
    /// # Errors
    /// When the order has less than every caller needs, or is no HTTP.
    pub fn all(spec: &Spec) -> Result<Vec<Self>> {
        let address = spec.address;
        let tokens = tokens(&spec.work)?;
        let one = |nth: usize| -> Result<Self> {
            Ok(match &spec.work {
                Work::Same(request) => Self::Same(Prepared::new(request, address)?),
                Work::EachToken {
                    request,
                    place,
                    again,
                    ..
                } => Self::EachToken(EachToken {
                    request: Prepared::new(request, address)?,
                    place: *place,
                    tokens: Arc::clone(&tokens),
                    again: *again,
                    next: nth,
                    step: spec.callers,
                }),
                Work::Refresh { request, tokens } => Self::Refresh {
                    request: Prepared::new(request, address)?,
                    token: tokens.get(nth).context("a refresh token per caller")?.clone(),
                },
                Work::CodeFlow {
                    authorize,
                    cookies,
                    token,
                } => Self::CodeFlow(CodeFlow::new(
                    &Prepared::new(authorize, address)?,
                    cookies.get(nth).context("a cookie per caller")?,
                    Prepared::new(token, address)?,
                )?),
                Work::Login {
                    authorize,
                    form,
                    people,
                } => Self::Login(Login::new(
                    Prepared::new(authorize, address)?,
                    Prepared::new(form, address)?,
                    people.get(nth).context("a person per caller")?,
                )),
            })
        };
        (0..spec.callers).map(one).collect()
    }

    /// Does it once.
    pub async fn once(&mut self, connection: &mut Connection) -> Result<Answer, Failure> {
        match self {
            Self::Same(request) => connection.ask(request).await,
            Self::EachToken(each) => {
                let request = each.next().ok_or(Failure::UsedUp)?;
                connection.ask(&request).await
            }
            Self::Refresh { request, token } => {
                let answer = connection.ask(&request.with_body(token)).await?;
                let next = answer.member("refresh_token");
                next.ok_or_else(|| Failure::lacking("a refresh token"))?
                    .clone_into(token);
                Ok(answer)
            }
            Self::CodeFlow(flow) => flow.once(connection).await,
            Self::Login(login) => login.once(connection).await,
        }
    }
}

/// Tokens as they are sent, shared by all callers.
fn tokens(work: &Work) -> Result<Arc<[HeaderValue]>> {
    let Work::EachToken { place, tokens, .. } = work else {
        return Ok(Arc::new([]));
    };
    let sent = tokens.iter().map(|token| {
        let text = match place {
            Place::Bearer => format!("Bearer {token}"),
            Place::Body => token.clone(),
        };
        HeaderValue::from_maybe_shared(Bytes::from(text)).context("a token is no header value")
    });
    sent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Method, Request};

    /// What a caller presents, one of two.
    fn presented(again: bool) -> Vec<String> {
        let request = Request {
            method: Method::Get,
            target: "/".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            expected: 200,
        };
        let mut each = EachToken {
            request: Prepared::new(&request, ([127, 0, 0, 1], 1).into()).unwrap(),
            place: Place::Bearer,
            tokens: ["a", "b", "c"].map(HeaderValue::from_static).into(),
            again,
            next: 0,
            step: 2,
        };
        let header = |request: Prepared| request.header(&AUTHORIZATION).unwrap().to_owned();
        (0..4).map_while(|_| each.next().map(header)).collect()
    }

    #[test]
    fn a_token_comes_again_only_where_it_may() {
        assert_eq!(presented(false), ["a", "c"]);
        assert_eq!(presented(true), ["a", "c", "b", "a"]);
    }
}
