//! The token in our own forms: an HMAC over the interaction under the browser's binding cookie, so that it needs no
//! storage, differs by interaction, and cannot be made without the cookie (RFC 6749 §10.12).

use authly_core::PlainToken;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Keeps the MAC apart from any other use of the cookie's value.
const CONTEXT: &[u8] = b"authly form token v1\0";

/// The token for the forms of this interaction in this browser.
pub(super) fn token(binding: &PlainToken, interaction: &PlainToken) -> String {
    let mut context = hmac::Context::with_key(&key(binding));
    context.update(CONTEXT);
    context.update(interaction.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// Whether `presented` is the token, in constant time.
pub(super) fn verifies(binding: &PlainToken, interaction: &PlainToken, presented: &str) -> bool {
    let Ok(mac) = URL_SAFE_NO_PAD.decode(presented) else {
        return false;
    };
    let message = [CONTEXT, interaction.expose().as_bytes()].concat();
    hmac::verify(&key(binding), &message, &mac).is_ok()
}

fn key(binding: &PlainToken) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, binding.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_token_belongs_to_one_browser_and_one_interaction() {
        let [a, b, i, j] = ["a", "b", "i", "j"].map(|t| PlainToken::presented(t).unwrap());
        let good = token(&a, &i);
        assert!(verifies(&a, &i, &good));
        assert!(!verifies(&b, &i, &good));
        assert!(!verifies(&a, &j, &good));
        assert!(!verifies(&a, &i, ""));
        assert!(!verifies(&a, &i, "not base64!"));
    }
}
