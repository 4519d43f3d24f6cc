//! What a caller reads of an answer, as cheaply as it can: nothing here is a parser, and everything it looks for was
//! written by the server under test.

use bytes::Bytes;
use hyper::{
    HeaderMap,
    header::{LOCATION, SET_COOKIE},
};

/// An answer of the expected status, read whole.
pub struct Answer {
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// A member of a JSON object whose value is a string without escapes, as tokens are.
    pub fn member(&self, name: &str) -> Option<&str> {
        member(std::str::from_utf8(&self.body).ok()?, name)
    }

    /// Where it sends the browser.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }

    /// The cookies it sets, as a `Cookie` value.
    pub fn cookies(&self) -> String {
        let set = self.headers.get_all(SET_COOKIE).iter();
        let pairs = set.filter_map(|line| line.to_str().ok()?.split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// The value of a hidden field of its form.
    pub fn hidden(&self, name: &str) -> Option<&str> {
        hidden(std::str::from_utf8(&self.body).ok()?, name)
    }
}

fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    quoted_after(json, name, '"', "\":\"")
}

fn hidden<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let mut tags = html
        .split("<input")
        .skip(1)
        .filter_map(|rest| rest.split('>').next());
    let tag = tags.find(|tag| attribute(tag, "name") == Some(name))?;
    attribute(tag, "value")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    quoted_after(tag, name, ' ', "=\"")
}

/// What stands between `opening` and the next quotation mark, where `opening` follows `name` and `name` follows
/// `before`.
fn quoted_after<'a>(text: &'a str, name: &str, before: char, opening: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (ahead, after) = rest.split_once(name)?;
        match after.strip_prefix(opening) {
            Some(value) if ahead.ends_with(before) => return value.split('"').next(),
            _ => rest = after,
        }
    }
}

/// A parameter of a URL's query whose value needs no decoding, as codes are.
pub fn query_param<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_behind_one_that_ends_alike() {
        let json = r#"{"old_access_token":"a","access_token":"b","expires_in":60}"#;
        assert_eq!(member(json, "access_token"), Some("b"));
        assert_eq!(member(json, "expires_in"), None);
        assert_eq!(member(json, "refresh_token"), None);
    }

    #[test]
    fn a_hidden_field_is_found_by_its_name() {
        let html = r#"<form><input type="hidden" name="csrf" value="c-1"><input name="username"></form>"#;
        assert_eq!(hidden(html, "csrf"), Some("c-1"));
        assert_eq!(hidden(html, "interaction"), None);
    }

    #[test]
    fn a_code_is_read_from_its_redirect() {
        let url = "https://a.example/cb?state=s&code=c-1&iss=x";
        assert_eq!(query_param(url, "code"), Some("c-1"));
        assert_eq!(query_param(url, "error"), None);
        assert_eq!(query_param("/login", "code"), None);
    }
}
