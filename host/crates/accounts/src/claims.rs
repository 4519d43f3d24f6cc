//! Which claims an account may hold: the standard ones with their types (OIDC Core §5.1), and the operator's own.

use authly_core::claim::is_protocol_claim;
use serde_json::{Map, Value};

/// The most claims an account may hold.
const CLAIMS_MAX: usize = 100;
/// The longest claim name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// The longest text of a standard claim, in bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// All claims of an account as JSON, in bytes: they travel in every token of theirs.
const TOTAL_BYTES_MAX: usize = 16 * 1024;
/// How deep a value of the operator's own may nest.
const DEPTH_MAX: usize = 8;

/// The members of `address` (OIDC Core §5.1.1).
const ADDRESS_MEMBERS: [&str; 6] = [
    "formatted",
    "street_address",
    "locality",
    "region",
    "postal_code",
    "country",
];

/// Why a claim is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("claim {name}: {reason}")]
pub struct ClaimError {
    /// Which claim; empty when it is about all of them.
    pub name: String,
    /// What to change, in plain words.
    pub reason: &'static str,
}

/// What a standard claim must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Url,
    Email,
    Flag,
    Birthdate,
    Zone,
    Language,
    Phone,
    Address,
}

/// The standard claims that can be set (OIDC Core §5.1). `updated_at` is the account's own, `sub` the protocol's.
const STANDARD: [(&str, Kind); 18] = [
    ("name", Kind::Text),
    ("given_name", Kind::Text),
    ("family_name", Kind::Text),
    ("middle_name", Kind::Text),
    ("nickname", Kind::Text),
    ("preferred_username", Kind::Text),
    ("profile", Kind::Url),
    ("picture", Kind::Url),
    ("website", Kind::Url),
    ("email", Kind::Email),
    ("email_verified", Kind::Flag),
    ("gender", Kind::Text),
    ("birthdate", Kind::Birthdate),
    ("zoneinfo", Kind::Zone),
    ("locale", Kind::Language),
    ("phone_number", Kind::Phone),
    ("phone_number_verified", Kind::Flag),
    ("address", Kind::Address),
];

/// Checks every claim of an account.
pub(crate) fn check_claims(claims: &Map<String, Value>) -> Result<(), ClaimError> {
    let all = |reason| ClaimError {
        name: String::new(),
        reason,
    };
    if claims.len() > CLAIMS_MAX {
        return Err(all("an account may hold at most 100 claims"));
    }
    for (name, value) in claims {
        check_claim(name, value).map_err(|reason| ClaimError {
            name: name.clone(),
            reason,
        })?;
    }
    if serde_json::to_vec(claims).map_or(usize::MAX, |json| json.len()) > TOTAL_BYTES_MAX {
        return Err(all("the claims of an account may have at most 16 KiB as JSON"));
    }
    Ok(())
}

fn check_claim(name: &str, value: &Value) -> Result<(), &'static str> {
    check_name(name)?;
    if is_protocol_claim(name) {
        return Err("the protocol sets it; it cannot be set on an account");
    }
    if name == "updated_at" {
        return Err("it is the time of the account's last change and cannot be set");
    }
    match STANDARD.iter().find(|(standard, _)| *standard == name) {
        Some((_, kind)) => check_standard(*kind, value),
        None => check_own(value, DEPTH_MAX),
    }
}

/// Printable ASCII without spaces: a URL for a namespaced claim, a word for a private one (RFC 7519 §4.2, §4.3).
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err("a claim name is 1 to 128 characters of printable ASCII without spaces");
    }
    Ok(())
}

fn check_standard(kind: Kind, value: &Value) -> Result<(), &'static str> {
    match kind {
        Kind::Flag => value.is_boolean().then_some(()).ok_or("it must be true or false"),
        Kind::Address => check_address(value),
        Kind::Text => check_text(value).map(|_| ()),
        Kind::Url => is_web_url(check_text(value)?)
            .then_some(())
            .ok_or("it must be an https or http URL"),
        Kind::Email => is_email(check_text(value)?)
            .then_some(())
            .ok_or("it must be an e-mail address"),
        Kind::Birthdate => is_birthdate(check_text(value)?)
            .then_some(())
            .ok_or("it must be YYYY-MM-DD, YYYY, or 0000-MM-DD without the year"),
        Kind::Zone => is_zone(check_text(value)?)
            .then_some(())
            .ok_or("it must be a name of the time zone database, such as Europe/Amsterdam"),
        Kind::Language => is_language(check_text(value)?)
            .then_some(())
            .ok_or("it must be a BCP 47 language tag, such as en-US"),
        Kind::Phone => is_phone(check_text(value)?)
            .then_some(())
            .ok_or("it must be a telephone number, such as +31 20 123 4567, perhaps with ;ext="),
    }
}

fn check_text(value: &Value) -> Result<&str, &'static str> {
    let text = value.as_str().ok_or("it must be a string")?;
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err("it must have 1 to 1024 bytes and no control characters");
    }
    Ok(text)
}

/// OIDC Core §5.1.1. Lines of `formatted` and `street_address` may be broken.
fn check_address(value: &Value) -> Result<(), &'static str> {
    const REASON: &str = "it must be an object with strings in formatted, street_address, locality, region, \
                          postal_code or country";
    let address = value
        .as_object()
        .filter(|address| !address.is_empty())
        .ok_or(REASON)?;
    let fits = |(name, part): (&String, &Value)| {
        let text = part.as_str().unwrap_or_default();
        let plain = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
        ADDRESS_MEMBERS.contains(&name.as_str()) && (1..=TEXT_BYTES_MAX).contains(&text.len()) && plain
    };
    address.iter().all(fits).then_some(()).ok_or(REASON)
}

/// Shown as a link by clients: nothing but the web's own schemes, so that no script hides in one.
fn is_web_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && !text.contains(char::is_whitespace)
}

/// Close to the addr-spec of RFC 5322 §3.4.1, without quoted forms: one `@` with something on both sides.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>()[]\\,;:\"".contains(c))
    };
    text.len() <= 254 && plain(local) && plain(domain) && !domain.starts_with('.') && !domain.ends_with('.')
}

/// The shape of a name in the time zone database: words with slashes between them. Which zones there are changes
/// several times a year, and is for those who compute with it.
fn is_zone(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(word)
}

/// The shape of a language tag (RFC 5646 §2.1): a language, then subtags. The underscore of older systems is taken too
/// (OIDC Core §5.1).
fn is_language(text: &str) -> bool {
    let mut subtags = text.split(['-', '_']);
    let language = subtags.next().unwrap_or_default();
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 64
        && (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && subtags.all(is_subtag)
}

/// E.164 and how people write it, and RFC 3966 §3's extension (OIDC Core §5.1).
fn is_phone(text: &str) -> bool {
    let (number, extension) = text.split_once(";ext=").unwrap_or((text, "0"));
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let written = |(i, b): (usize, u8)| b.is_ascii_digit() || b" -.()".contains(&b) || (b == b'+' && i == 0);
    (3..=15).contains(&digits)
        && number.len() <= 40
        && number.bytes().enumerate().all(written)
        && (1..=15).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_digit())
}

/// ISO 8601: `YYYY-MM-DD`, the year 0000 for one that is not told, or `YYYY` alone (OIDC Core §5.1).
fn is_birthdate(text: &str) -> bool {
    let number = |part: &str, length: usize| {
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u16>().ok())?
    };
    let mut parts = text.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(year), None, ..) => number(year, 4).is_some_and(|year| year > 0),
        (Some(year), Some(month), Some(day), None) => {
            match (number(year, 4), number(month, 2), number(day, 2)) {
                (Some(year), Some(month), Some(day)) => (1..=days_of(year, month)).contains(&day),
                _ => false,
            }
        }
        _ => false,
    }
}

fn days_of(year: u16, month: u16) -> u16 {
    // The year 0000 stands for any year, so it has its 29 February.
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// A value of the operator's own: any JSON but null, within a depth.
fn check_own(value: &Value, depth: usize) -> Result<(), &'static str> {
    if depth == 0 {
        return Err("its value is nested too deeply");
    }
    match value {
        Value::Null => Err("null is no value; leave the claim out"),
        Value::Array(items) => items.iter().try_for_each(|item| check_own(item, depth - 1)),
        Value::Object(members) => members
            .values()
            .try_for_each(|member| check_own(member, depth - 1)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(name: &str, value: Value) -> Result<(), ClaimError> {
        check_claims(&Map::from_iter([(name.to_owned(), value)]))
    }

    #[test]
    fn standard_claims_have_their_types() {
        for (name, value) in [
            ("name", json!("Zoë van der Berg")),
            ("email", json!("a+b@example.com")),
            ("email_verified", json!(true)),
            ("picture", json!("https://example.com/a.png")),
            ("birthdate", json!("1980-02-29")),
            ("birthdate", json!("0000-12-31")),
            ("birthdate", json!("1980")),
            ("address", json!({"formatted": "1 Road\nTown", "country": "NL"})),
            ("phone_number", json!("+31 20 1234567")),
            ("phone_number", json!("+1 (604) 555-1234;ext=5678")),
            ("phone_number", json!("112")),
            ("zoneinfo", json!("Europe/Amsterdam")),
            ("zoneinfo", json!("America/Argentina/Buenos_Aires")),
            ("zoneinfo", json!("Etc/GMT+5")),
            ("zoneinfo", json!("UTC")),
            ("locale", json!("nl")),
            ("locale", json!("zh-Hant-TW")),
            ("locale", json!("en_US")),
        ] {
            assert_eq!(check(name, value.clone()), Ok(()), "{name} {value}");
        }
        for (name, value) in [
            ("name", json!(1)),
            ("name", json!("")),
            ("name", json!(null)),
            ("name", json!("a\u{0}b")),
            ("email", json!("a@b@c")),
            ("email", json!("@example.com")),
            ("email", json!("a b@example.com")),
            ("email", json!(["a@example.com"])),
            ("email_verified", json!("true")),
            ("email_verified", json!(1)),
            ("picture", json!("javascript:alert(1)")),
            ("website", json!("https://")),
            ("website", json!("/path")),
            ("birthdate", json!("1981-02-29")),
            ("birthdate", json!("1900-02-29")),
            ("birthdate", json!("1980-13-01")),
            ("birthdate", json!("1980-00-01")),
            ("birthdate", json!("80-01-01")),
            ("birthdate", json!("0000")),
            ("birthdate", json!("1980-1-1")),
            ("birthdate", json!("1980-01-01T00:00")),
            ("phone_number", json!("12")),
            ("phone_number", json!("1234567890123456")),
            ("phone_number", json!("20 +31")),
            ("phone_number", json!("+31 20 <b>")),
            ("phone_number", json!("+31 20 123;ext=")),
            ("zoneinfo", json!("Europe/Amsterdam/Centrum/Dam")),
            ("zoneinfo", json!("../etc/passwd")),
            ("zoneinfo", json!("Europe//Amsterdam")),
            ("zoneinfo", json!("x".repeat(65))),
            ("locale", json!("n")),
            ("locale", json!("en-")),
            ("locale", json!("english-language1")),
            ("locale", json!("en US")),
            ("address", json!("1 Road")),
            ("address", json!({})),
            ("address", json!({"street": "1 Road"})),
            ("address", json!({"country": 31})),
        ] {
            assert!(check(name, value.clone()).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn what_the_protocol_or_the_server_owns_cannot_be_set() {
        for name in [
            "sub",
            "iss",
            "aud",
            "acr",
            "cnf",
            "scope",
            "client_id",
            "updated_at",
            "active",
        ] {
            assert!(check(name, json!("x")).is_err(), "{name}");
        }
    }

    #[test]
    fn own_claims_are_any_json_within_limits() {
        assert_eq!(
            check("https://example.com/roles", json!(["a", {"b": 1.5}])),
            Ok(())
        );
        assert_eq!(check(&"x".repeat(NAME_BYTES_MAX), json!(true)), Ok(()));
        for bad in [
            String::new(),
            "a b".to_owned(),
            "é".to_owned(),
            "x".repeat(NAME_BYTES_MAX + 1),
        ] {
            assert!(check(&bad, json!(true)).is_err(), "{bad:?}");
        }
        let nested = |depth: usize| (1..depth).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(check("deep", nested(DEPTH_MAX)), Ok(()));
        assert!(check("deep", nested(DEPTH_MAX + 1)).is_err());
        assert!(check("null", json!([null])).is_err());
    }

    #[test]
    fn claims_have_limits_together() {
        let many = |n: usize| (0..n).map(|i| (format!("c{i}"), json!(i))).collect::<Map<_, _>>();
        assert!(check_claims(&many(CLAIMS_MAX)).is_ok());
        assert!(check_claims(&many(CLAIMS_MAX + 1)).is_err());
        // {"big":"…"} is ten bytes more than its text.
        assert!(check("big", json!("x".repeat(TOTAL_BYTES_MAX - 10))).is_ok());
        assert!(check("big", json!("x".repeat(TOTAL_BYTES_MAX - 9))).is_err());
    }
}
