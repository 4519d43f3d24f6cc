//! A person's own pages: what they agreed to, where they are signed in, and the way in.
//!
//! 1. [`owner`]: each page asks who is signed in; nobody is sent to [`login`], which leads back to one of [`OwnPage`].
//! 2. [`consents`] and [`sessions`] list and end what is the person's own: what belongs to somebody else is as good as
//!    not there.
//! 3. Each form brings back a token that only the browser it was shown to can have ([`form`]).

pub mod consents;
pub mod form;
pub mod login;
pub mod sessions;

use authly_core::{PlainToken, RequestContext, StorageError};

use self::form::Purpose;
use crate::{
    Provider,
    interaction::Browser,
    session::{self, SignedIn},
};

/// Why a person's own page cannot be shown, or its form not be accepted.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Nobody is signed in (any more).
    #[error("nobody is signed in")]
    SignedOut,
    /// The form's token is missing or wrong: the page was not ours, or was shown to another session.
    #[error("the form's token does not match")]
    Csrf,
    /// The database did not answer. Nothing was changed.
    #[error("storage failed")]
    Storage(#[from] StorageError),
}

/// A page of ours that a sign-in may lead to. There are no others: a target that came with the request would be an
/// open redirect (RFC 9700 §4.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// The overview.
    Account,
    /// What the person agreed to.
    Consents,
    /// Where they are signed in.
    Sessions,
}

impl OwnPage {
    /// Every page.
    pub const ALL: [Self; 3] = [Self::Account, Self::Consents, Self::Sessions];

    /// Its name in the URL of the sign-in page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Consents => "consents",
            Self::Sessions => "sessions",
        }
    }

    /// By name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|page| page.as_str() == text)
    }

    /// Its path below the issuer.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Account => "/account",
            Self::Consents => "/account/consents",
            Self::Sessions => "/account/sessions",
        }
    }
}

/// Whoever is signed in, with the cookie that their forms are bound to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The session and its person.
    pub signed_in: SignedIn,
    cookie: PlainToken,
}

impl Owner {
    /// The token for a form of theirs.
    pub fn form_token(&self, purpose: Purpose) -> String {
        form::token(&self.cookie, purpose)
    }

    /// Refuses a form that was not shown to this session for this purpose (RFC 6749 §10.12).
    fn check_form(&self, purpose: Purpose, presented: &str) -> Result<(), AccountError> {
        if form::verifies(&self.cookie, purpose, presented) {
            Ok(())
        } else {
            Err(AccountError::Csrf)
        }
    }
}

/// Whose pages these are.
///
/// # Errors
/// [`AccountError::SignedOut`], [`AccountError::Storage`].
pub async fn owner(
    provider: &Provider,
    browser: &Browser,
    ctx: &RequestContext,
) -> Result<Owner, AccountError> {
    let cookie = browser.session.as_ref();
    let signed_in = session::current(provider, cookie, ctx).await?;
    match (signed_in, cookie) {
        (Some(signed_in), Some(cookie)) => Ok(Owner {
            signed_in,
            cookie: cookie.clone(),
        }),
        _ => Err(AccountError::SignedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_pages_of_ours_alone() {
        for page in OwnPage::ALL {
            assert_eq!(OwnPage::parse(page.as_str()), Some(page));
            assert!(page.path().starts_with("/account"));
        }
        for foreign in [
            "",
            "/account",
            "//evil.example",
            "https://evil.example",
            "Account",
        ] {
            assert_eq!(OwnPage::parse(foreign), None, "{foreign}");
        }
    }
}
