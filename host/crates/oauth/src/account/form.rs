//! The token in the forms of a person's own pages: an HMAC under a cookie of the browser, so that it needs no storage
//! and cannot be made without the cookie (RFC 6749 §10.12).

use authly_core::PlainToken;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a form does: a token for one thing is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signs in; under the cookie that binds interactions to the browser, for there is no session yet.
    SignIn,
    /// Withdraws what was agreed to; under the session's cookie, as those below.
    Consents,
    /// Ends sessions.
    Sessions,
    /// Signs out.
    Logout,
}

impl Purpose {
    /// Keeps the MAC apart from any other use of the cookie's value.
    const fn context(self) -> &'static [u8] {
        match self {
            Self::SignIn => b"authly account sign-in v1",
            Self::Consents => b"authly account consents v1",
            Self::Sessions => b"authly account sessions v1",
            Self::Logout => b"authly logout v1",
        }
    }
}

/// The token for a form.
pub(crate) fn token(cookie: &PlainToken, purpose: Purpose) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(cookie), purpose.context()))
}

/// Whether `presented` is the token, in constant time.
pub(crate) fn verifies(cookie: &PlainToken, purpose: Purpose, presented: &str) -> bool {
    let mac = URL_SAFE_NO_PAD.decode(presented);
    mac.is_ok_and(|mac| hmac::verify(&key(cookie), purpose.context(), &mac).is_ok())
}

fn key(cookie: &PlainToken) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, cookie.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_belongs_to_one_browser_and_one_purpose() {
        let [ours, theirs] = ["a", "b"].map(|text| PlainToken::presented(text).unwrap());
        let good = token(&ours, Purpose::Sessions);
        assert!(verifies(&ours, Purpose::Sessions, &good));
        assert!(!verifies(&theirs, Purpose::Sessions, &good));
        for other in [Purpose::SignIn, Purpose::Consents, Purpose::Logout] {
            assert!(!verifies(&ours, other, &good), "{other:?}");
        }
        for bad in ["", "not base64!", "AAAA"] {
            assert!(!verifies(&ours, Purpose::Sessions, bad), "{bad}");
        }
    }
}
