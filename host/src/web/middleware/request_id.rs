//! The request id: correlates logs, audit events and the answer's `X-Correlation-ID`.

use authly_core::Rng;
use axum::http::{HeaderMap, HeaderName};

/// Accepted from the client or the proxy, and answered.
pub static X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest accepted id, in bytes.
const LENGTH_MAX: usize = 64;

/// The id the request brought, if it is one plain word that cannot forge a log line; else a fresh one.
pub fn accept_or_generate(headers: &HeaderMap, rng: &dyn Rng) -> String {
    let mut given = headers.get_all(&X_CORRELATION_ID).iter();
    match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
        (Some(id), None) if is_acceptable(id) => id.to_owned(),
        _ => generate(rng),
    }
}

/// 1 to 64 of `A–Z a–z 0–9 . _ -`.
fn is_acceptable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LENGTH_MAX).contains(&id.len()) && id.bytes().all(plain)
}

/// 128 random bits in hexadecimal.
fn generate(rng: &dyn Rng) -> String {
    let mut bytes = [0u8; 16];
    rng.fill(&mut bytes);
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;
    impl Rng for Sevens {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(7);
        }
    }

    fn id_for(given: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append(X_CORRELATION_ID.clone(), value.parse().unwrap());
        }
        accept_or_generate(&headers, &Sevens)
    }

    #[test]
    fn a_plain_id_is_kept_up_to_the_limit() {
        for good in ["a", "Req-1.2_3", &"x".repeat(64)] {
            assert_eq!(id_for(&[good]), good);
        }
    }

    #[test]
    fn anything_else_is_replaced() {
        let fresh = "07".repeat(16);
        for bad in [
            &[][..],
            &[""],
            &["a b"],
            &["a\"b"],
            &["é"],
            &[&"x".repeat(65)],
            &["a", "b"],
        ] {
            assert_eq!(id_for(bad), fresh, "{bad:?}");
        }
    }
}
