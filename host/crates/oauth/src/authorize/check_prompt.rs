//! `prompt` (OIDC Core §3.1.2.1).

use authly_core::{ErrorCode, OAuthError, authorization::Prompt};

use crate::Params;

/// Checks `prompt`.
///
/// # Errors
/// `invalid_request` for an unknown value, or for `none` beside another.
pub(super) fn check_prompt(params: &Params) -> Result<Vec<Prompt>, OAuthError> {
    let mut prompt = Vec::new();
    for value in params
        .get("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|v| !v.is_empty())
    {
        let value = Prompt::parse(value).ok_or(UNKNOWN)?;
        if !prompt.contains(&value) {
            prompt.push(value);
        }
    }
    if prompt.contains(&Prompt::None) && prompt.len() > 1 {
        return Err(NONE_ALONE);
    }
    Ok(prompt)
}

const UNKNOWN: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "prompt may hold none, or any of login, consent and select_account.",
);
const NONE_ALONE: OAuthError = OAuthError::new(
    ErrorCode::InvalidRequest,
    "prompt=none cannot be combined with other values.",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_none_stands_alone() {
        let check = |q: &str| check_prompt(&Params::parse(q.as_bytes()).unwrap());
        assert_eq!(check("prompt=none"), Ok(vec![Prompt::None]));
        assert_eq!(
            check("prompt=login+consent+login"),
            Ok(vec![Prompt::Login, Prompt::Consent])
        );
        assert_eq!(check("prompt=none+login"), Err(NONE_ALONE));
        assert_eq!(check("prompt=everything"), Err(UNKNOWN));
        assert_eq!(check(""), Ok(vec![]));
    }
}
