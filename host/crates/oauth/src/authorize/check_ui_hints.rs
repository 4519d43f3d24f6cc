//! `display`, `login_hint`, `ui_locales`, `claims_locales` and `acr_values` (OIDC Core §3.1.2.1): wishes, never a reason
//! to trust. One that cannot be met is no error; only one without end is.

use authly_core::{ErrorCode, OAuthError, authorization::Display};

use crate::Params;

/// The longest hint, in bytes.
const HINT_LENGTH_MAX: usize = 255;

/// What a request wishes.
pub(super) struct Hints {
    pub(super) display: Display,
    pub(super) login_hint: Option<String>,
    pub(super) ui_locales: Vec<String>,
    pub(super) claims_locales: Vec<String>,
    pub(super) acr_values: Vec<String>,
}

/// Checks the hints. A `display` that is not built is shown as a page.
///
/// # Errors
/// `invalid_request` beyond 255 bytes.
pub(super) fn check_ui_hints(params: &Params) -> Result<Hints, OAuthError> {
    let is_endless = |name: &str| {
        params
            .get(name)
            .is_some_and(|value| value.len() > HINT_LENGTH_MAX)
    };
    if ["login_hint", "ui_locales", "claims_locales", "acr_values"]
        .into_iter()
        .any(is_endless)
    {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "login_hint, ui_locales, claims_locales and acr_values may be 255 bytes long each.",
        ));
    }
    Ok(Hints {
        display: params.get("display").and_then(Display::parse).unwrap_or_default(),
        login_hint: params.get("login_hint").map(str::to_owned),
        ui_locales: words(params, "ui_locales"),
        claims_locales: words(params, "claims_locales"),
        acr_values: words(params, "acr_values"),
    })
}

/// A list separated by spaces.
fn words(params: &Params, name: &str) -> Vec<String> {
    let list = params.get(name).unwrap_or_default().split(' ');
    list.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str) -> Result<Hints, OAuthError> {
        check_ui_hints(&Params::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn a_wish_that_cannot_be_met_is_no_error() {
        for (display, shown) in [
            ("page", Display::Page),
            ("popup", Display::Popup),
            ("touch", Display::Page),
            ("wap", Display::Page),
            ("POPUP", Display::Page),
            ("", Display::Page),
        ] {
            assert_eq!(
                check(&format!("display={display}")).unwrap().display,
                shown,
                "{display}"
            );
        }
        let hints = check("acr_values=urn:x++urn:y&ui_locales=se&claims_locales=se+de").unwrap();
        assert_eq!(hints.acr_values, ["urn:x", "urn:y"]);
        assert_eq!((hints.ui_locales.len(), hints.claims_locales.len()), (1, 2));
    }

    #[test]
    fn no_hint_is_endless() {
        for name in ["login_hint", "ui_locales", "claims_locales", "acr_values"] {
            let of = |length| check(&format!("{name}={}", "x".repeat(length)));
            assert!(of(HINT_LENGTH_MAX).is_ok(), "{name}");
            assert!(of(HINT_LENGTH_MAX + 1).is_err(), "{name}");
        }
    }
}
