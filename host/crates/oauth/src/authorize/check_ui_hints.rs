//! `login_hint` and `ui_locales` (OIDC Core §3.1.2.1): hints for the pages, never a reason to trust.

use authly_core::{ErrorCode, OAuthError};

use crate::Params;

/// The longest hint, in bytes.
const HINT_LENGTH_MAX: usize = 255;

/// What the pages are told.
pub(super) struct UiHints {
    pub(super) login_hint: Option<String>,
    pub(super) ui_locales: Vec<String>,
}

/// Checks both hints.
///
/// # Errors
/// `invalid_request` beyond 255 bytes.
pub(super) fn check_ui_hints(params: &Params) -> Result<UiHints, OAuthError> {
    let login_hint = params.get("login_hint");
    let ui_locales = params.get("ui_locales").unwrap_or_default();
    if login_hint.is_some_and(|h| h.len() > HINT_LENGTH_MAX) || ui_locales.len() > HINT_LENGTH_MAX {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "login_hint and ui_locales may be 255 bytes long each.",
        ));
    }
    Ok(UiHints {
        login_hint: login_hint.map(str::to_owned),
        ui_locales: ui_locales
            .split(' ')
            .filter(|l| !l.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}
