//! A checked authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.1): what remains once every rule has passed.

use serde::{Deserialize, Serialize};

use crate::{claims_request::ClaimsRequest, ids::ClientId, scope::ScopeSet};

/// `response_mode` values that are built (OAuth Multiple Response Types §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// Parameters in the query of the redirect URI.
    #[default]
    Query,
    /// Parameters in a form that the browser posts to the redirect URI (OAuth Form Post Response Mode §2).
    FormPost,
}

impl ResponseMode {
    /// Every mode that is built; discovery lists them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    /// By registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }
}

/// `display` values that are honoured (OIDC Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Display {
    /// A full page.
    #[default]
    Page,
    /// A small window.
    Popup,
}

impl Display {
    /// Every value that is honoured; discovery lists them.
    pub const ALL: [Self; 2] = [Self::Page, Self::Popup];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Popup => "popup",
        }
    }

    /// By registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == text)
    }
}

/// `prompt` values (OIDC Core §3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// The person must sign in again.
    Login,
    /// The person must be asked again.
    Consent,
    /// The person chooses the account.
    SelectAccount,
}

impl Prompt {
    /// Every value that is honoured; discovery lists them.
    pub const ALL: [Self; 4] = [Self::None, Self::Login, Self::Consent, Self::SelectAccount];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }

    /// By registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

/// An authorization request that passed every check. Only the pipeline in authly-oauth makes one; storage keeps it
/// with the interaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// A client that exists and is enabled.
    pub client_id: ClientId,
    /// One of the client's, as the request spelled it (the loopback port floats).
    pub redirect_uri: String,
    /// Whether the request carried it, so that the token request must too.
    pub redirect_uri_given: bool,
    /// How to answer.
    pub response_mode: ResponseMode,
    /// Within the client's scopes; `offline_access` only where it means something.
    pub scope: ScopeSet,
    /// Returned byte for byte.
    pub state: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// S256 challenge.
    pub code_challenge: Option<String>,
    /// In the order given.
    pub prompt: Vec<Prompt>,
    /// Seconds since the last login that are acceptable.
    pub max_age: Option<u32>,
    /// The claims asked for one by one, and their languages.
    pub claims: ClaimsRequest,
    /// Authentication context classes wanted, in order of preference (OIDC Core §3.1.2.1): a wish, not a demand.
    pub acr_values: Vec<String>,
    /// `sub` of a verified `id_token_hint`: nobody else may be answered (OIDC Core §3.1.2.2).
    pub hinted_subject: Option<String>,
    /// How the pages are shown.
    pub display: Display,
    /// Fills the user name field.
    pub login_hint: Option<String>,
    /// Languages for the pages, in order of preference (BCP 47).
    pub ui_locales: Vec<String>,
}

impl AuthorizationRequest {
    /// Whether the request has the prompt value.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}
