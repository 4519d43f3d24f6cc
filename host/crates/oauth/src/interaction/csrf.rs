//! The token in our own forms: an HMAC over the interaction under the browser's binding cookie, so that it needs no
//! storage, differs by interaction, and cannot be made without the cookie (RFC 6749 §10.12).

use authly_core::{PlainToken, ScopeSet, SessionId, UserId};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Keeps the MAC apart from any other use of the cookie's value.
const CONTEXT: &[u8] = b"authly form token v1\0";

/// Keep the MACs of pages apart from that of a form, and from each other.
const CONSENT_CONTEXT: &[u8] = b"authly consent page v1\0";
const ACCOUNT_CONTEXT: &[u8] = b"authly account page v1\0";
const PASSWORD_CONTEXT: &[u8] = b"authly new password page v1\0";

/// What a page showed: an answer counts for this and nothing else.
pub(super) enum Page<'a> {
    /// The consent page.
    Consent {
        /// Whose session it was shown in.
        session: SessionId,
        /// What it listed.
        scope: &'a ScopeSet,
        /// Of the interaction: raised by everything that happens to it.
        version: i64,
    },
    /// The choice of an account.
    Account {
        /// Whose session it offered.
        session: SessionId,
    },
    /// The choice of a new password.
    NewPassword {
        /// Whose: in another tab somebody else may have got there since.
        user: UserId,
    },
}

impl Page<'_> {
    fn message(&self, interaction: &PlainToken) -> Vec<u8> {
        // No part holds a NUL, and all but the last are of a fixed form: no two pages share a message.
        let id = interaction.expose();
        match self {
            Self::Consent {
                session,
                scope,
                version,
            } => [
                CONSENT_CONTEXT,
                format!("{id}\0{session}\0{version}\0{scope}").as_bytes(),
            ]
            .concat(),
            Self::NewPassword { user } => [PASSWORD_CONTEXT, format!("{id}\0{user}").as_bytes()].concat(),
            Self::Account { session } => [ACCOUNT_CONTEXT, format!("{id}\0{session}").as_bytes()].concat(),
        }
    }
}

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

/// The token for a page's form: that of every form here, and after a dot one for the page as it was shown.
pub(super) fn page_token(binding: &PlainToken, interaction: &PlainToken, page: &Page<'_>) -> String {
    let mut context = hmac::Context::with_key(&key(binding));
    context.update(&page.message(interaction));
    let page = URL_SAFE_NO_PAD.encode(context.sign());
    format!("{}.{page}", token(binding, interaction))
}

/// Whether the first part of `presented` is the form's token, whatever page it was on.
pub(super) fn page_token_is_ours(binding: &PlainToken, interaction: &PlainToken, presented: &str) -> bool {
    let form = presented.split_once('.').map_or(presented, |(form, _)| form);
    verifies(binding, interaction, form)
}

/// Whether `presented` was on this very page.
pub(super) fn page_token_is_of(
    page: &Page<'_>,
    binding: &PlainToken,
    interaction: &PlainToken,
    presented: &str,
) -> bool {
    let mac = presented
        .split_once('.')
        .and_then(|(_, mac)| URL_SAFE_NO_PAD.decode(mac).ok());
    mac.is_some_and(|mac| hmac::verify(&key(binding), &page.message(interaction), &mac).is_ok())
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

    #[test]
    fn page_token_belongs_to_what_the_page_showed() {
        let [a, i, j] = ["a", "i", "j"].map(|t| PlainToken::presented(t).unwrap());
        let session = |n| SessionId::from_uuid(uuid::Uuid::from_u128(n));
        let (narrow, wide) = (
            ScopeSet::parse("openid").unwrap(),
            ScopeSet::parse("email openid").unwrap(),
        );
        let page = |session, scope, version| Page::Consent {
            session,
            scope,
            version,
        };
        let shown = page(session(1), &narrow, 2);
        let good = page_token(&a, &i, &shown);
        assert!(page_token_is_ours(&a, &i, &good) && page_token_is_of(&shown, &a, &i, &good));
        for other in [
            page(session(2), &narrow, 2),
            page(session(1), &wide, 2),
            page(session(1), &narrow, 3),
            Page::Account { session: session(1) },
            Page::NewPassword {
                user: UserId::from_uuid(uuid::Uuid::from_u128(1)),
            },
        ] {
            assert!(!page_token_is_of(&other, &a, &i, &good));
        }
        assert!(!page_token_is_ours(&a, &j, &good) && !page_token_is_of(&shown, &a, &j, &good));
        let form = token(&a, &i);
        assert!(page_token_is_ours(&a, &i, &form) && !page_token_is_of(&shown, &a, &i, &form));
        assert!(!page_token_is_of(&shown, &a, &i, &format!("{form}.{form}")));
        assert!(!page_token_is_ours(&a, &i, ".") && !page_token_is_ours(&a, &i, ""));
    }
}
