//! The request id: correlates logs, audit events and the answer's `X-Correlation-ID`.

use std::sync::{Arc, Mutex, PoisonError};

use authly_core::Rng;
use axum::http::{HeaderMap, HeaderName};

/// Accepted from the client or the proxy, and answered.
pub static X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest accepted id, in bytes.
const LENGTH_MAX: usize = 64;

/// The id the request brought, if it is one plain word that cannot forge a log line; else a fresh one.
pub fn accept_or_generate(headers: &HeaderMap, ids: &RequestIds) -> String {
    let mut given = headers.get_all(&X_CORRELATION_ID).iter();
    match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
        (Some(id), None) if is_acceptable(id) => id.to_owned(),
        _ => ids.fresh(),
    }
}

/// 1 to 64 of `A–Z a–z 0–9 . _ -`.
fn is_acceptable(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LENGTH_MAX).contains(&id.len()) && id.bytes().all(plain)
}

/// Bytes of a fresh id: 128 random bits.
const ID_BYTES: usize = 16;
/// How many ids are drawn at once: asking for randomness costs far more than the bytes do.
const DRAWN: usize = 32;

/// Where fresh ids come from. They are no secrets: whoever gets one sees it.
pub struct RequestIds {
    rng: Arc<dyn Rng>,
    pool: Mutex<Pool>,
}

struct Pool {
    bytes: [u8; ID_BYTES * DRAWN],
    used: usize,
}

impl RequestIds {
    /// From this randomness.
    pub fn new(rng: Arc<dyn Rng>) -> Self {
        let bytes = [0; ID_BYTES * DRAWN];
        let used = bytes.len();
        Self {
            rng,
            pool: Mutex::new(Pool { bytes, used }),
        }
    }

    /// 128 random bits in hexadecimal.
    fn fresh(&self) -> String {
        let mut id = [0; ID_BYTES];
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.used >= pool.bytes.len() {
            self.rng.fill(&mut pool.bytes);
            pool.used = 0;
        }
        let from = pool.used;
        if let Some(bytes) = pool.bytes.get(from..from + ID_BYTES) {
            id.copy_from_slice(bytes);
        }
        pool.used = from + ID_BYTES;
        drop(pool);
        hex::encode(id)
    }
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
        accept_or_generate(&headers, &RequestIds::new(Arc::new(Sevens)))
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

    /// Counts how often it is asked, and never answers the same.
    #[derive(Default)]
    struct Counting(Mutex<u8>);
    impl Rng for Counting {
        fn fill(&self, dest: &mut [u8]) {
            let mut asked = self.0.lock().unwrap();
            for (n, byte) in (0u8..).zip(dest.chunks_mut(ID_BYTES)) {
                byte.fill(*asked * 32 + n);
            }
            *asked += 1;
        }
    }

    #[test]
    fn every_fresh_id_is_another_one() {
        let rng = Arc::new(Counting::default());
        let ids = RequestIds::new(Arc::clone(&rng) as _);
        let drawn: std::collections::BTreeSet<String> = (0..3 * DRAWN).map(|_| ids.fresh()).collect();
        assert_eq!(drawn.len(), 3 * DRAWN);
        assert_eq!(*rng.0.lock().unwrap(), 3);
    }
}
