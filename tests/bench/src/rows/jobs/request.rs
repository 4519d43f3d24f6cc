//! The requests that jobs are made of.

use crate::{
    load::{Method, Request},
    setup::Stage,
};

/// The token endpoint.
pub const TOKEN: &str = "/api/v1/oauth/token";

/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A GET.
pub fn get(target: &str) -> Request {
    Request {
        method: Method::Get,
        target: target.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        expected: 200,
    }
}

/// A form of the client, which authenticates.
pub fn form(stage: &Stage, target: &str, body: &str) -> Request {
    Request {
        method: Method::Post,
        headers: vec![
            ("authorization".to_owned(), stage.authorization()),
            ("content-type".to_owned(), FORM.to_owned()),
        ],
        body: body.to_owned(),
        ..get(target)
    }
}
