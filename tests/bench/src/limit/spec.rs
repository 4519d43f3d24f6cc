//! What the limit server answers.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Its routes; anything else is 404.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// A path and its answer.
    pub routes: Vec<Route>,
}

/// A path and its answer, whatever the method and the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Without query.
    pub path: String,
    /// Its answer.
    pub answer: Answer,
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The same each time.
    Fixed {
        /// Status.
        status: u16,
        /// Header fields beside those HTTP itself needs.
        headers: Vec<(String, String)>,
        /// Body.
        body: String,
    },
    /// The form is parsed, every JWT in the body is signed anew with ES256 (RFC 7518 §3.4), and the body sent as JSON.
    Token {
        /// An answer of the server under test.
        body: String,
    },
}

impl Spec {
    /// A single fixed answer.
    pub fn fixed(path: &str, content_type: &str, body: String) -> Self {
        let answer = Answer::Fixed {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
        };
        Self {
            routes: vec![Route {
                path: path.to_owned(),
                answer,
            }],
        }
    }

    /// A single token answer.
    pub fn token(path: &str, body: String) -> Self {
        Self {
            routes: vec![Route {
                path: path.to_owned(),
                answer: Answer::Token { body },
            }],
        }
    }

    /// Equal for limits that cost the same: tokens differ each time, their lengths do not.
    pub fn cost(&self) -> String {
        let costs = self.routes.iter().map(|route| match &route.answer {
            Answer::Fixed { headers, body, .. } => {
                let sizes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                format!("{} fixed {sizes}+{}", route.path, body.len())
            }
            Answer::Token { body } => {
                let signed: Vec<_> = jwts(body).iter().map(|jwt| jwt.signing_input.len()).collect();
                format!("{} signed {signed:?} of {}", route.path, body.len())
            }
        });
        costs.collect::<Vec<_>>().join(", ")
    }
}

/// Where a JWT lies in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// Header and payload (RFC 7515 §5.1).
    pub signing_input: Range<usize>,
    /// The signature.
    pub signature: Range<usize>,
}

/// Every JWT among the strings of a JSON text.
pub fn jwts(json: &str) -> Vec<Jwt> {
    let mut at = 0;
    let mut found = Vec::new();
    for piece in json.split('"') {
        found.extend(jwt(piece, at));
        at += piece.len() + 1;
    }
    found
}

/// `eyJ` is how base64url of `{"` begins.
fn jwt(text: &str, at: usize) -> Option<Jwt> {
    let (signing_input, signature) = text.rsplit_once('.')?;
    let is_jwt = text.starts_with("eyJ") && signing_input.matches('.').count() == 1;
    let end = at + signing_input.len();
    is_jwt.then(|| Jwt {
        signing_input: at..end,
        signature: end + 1..end + 1 + signature.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"access_token":"eyJh.eyJi.c2ln","token_type":"Bearer","scope":"a.b.c"}"#;

    #[test]
    fn a_jwt_is_found_where_it_lies() {
        let found = jwts(ANSWER);
        assert_eq!(found.len(), 1);
        let jwt = found.first().unwrap();
        assert_eq!(ANSWER.get(jwt.signing_input.clone()), Some("eyJh.eyJi"));
        assert_eq!(ANSWER.get(jwt.signature.clone()), Some("c2ln"));
    }

    #[test]
    fn tokens_of_the_same_length_cost_the_same() {
        let cost = |body: &str| Spec::token("/token", body.to_owned()).cost();
        assert_eq!(cost(ANSWER), cost(&ANSWER.replace("c2ln", "b3Ro")));
        assert_ne!(cost(ANSWER), cost(&ANSWER.replace("eyJi", "eyJiYg")));
    }

    #[test]
    fn an_order_survives_its_pipe() {
        let spec = Spec::fixed("/jwks", "application/json", "{}".to_owned());
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
    }
}
