//! `Authorization: Basic` (RFC 6749 §2.3.1): what is encoded is what is read, and whatever is read can be encoded again.
#![no_main]

use authly_oauth::client_auth::parse_basic;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded::byte_serialize;

fuzz_target!(|header: &[u8]| {
    if let Some((id, secret)) = parse_basic(header) {
        assert!(header[..6].eq_ignore_ascii_case(b"basic "));
        assert_eq!(
            reread(&id, secret.expose()),
            Some((id, secret.expose().to_owned()))
        );
    }
    // The same bytes as a client_id and a secret.
    if let Ok(text) = std::str::from_utf8(header)
        && let Some((id, secret)) = text.split_once('\n')
        && !text.contains('\0')
    {
        assert_eq!(reread(id, secret), Some((id.to_owned(), secret.to_owned())));
    }
});

/// What a server reads of what a client that follows the standard sends.
fn reread(id: &str, secret: &str) -> Option<(String, String)> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    let (id, secret) = parse_basic(format!("Basic {pair}").as_bytes())?;
    Some((id, secret.expose().to_owned()))
}
