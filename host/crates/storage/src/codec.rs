//! How domain values are written into columns and read back. A value that fits no state is `Corrupt`, never a default.

use std::time::Duration;

use authly_core::{
    AuditAction, ClientId, Kid, SecretBytes, SecretText, StorageError, TenantId, TokenHash,
    interaction::InteractionState,
    key::{KeyState, SigningAlg},
    plugin::{PluginDigest, PluginName},
    scope::ScopeSet,
};
use serde::{Serialize, de::DeserializeOwned};

/// The error of a row that fits no state the domain knows. Names the column, never the value.
pub(crate) fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned())
}

/// A value as JSON text.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|e| StorageError::Backend(Box::new(e)))
}

/// A value from JSON text.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|_| corrupt(what))
}

/// A SHA-256 from its column.
pub(crate) fn hash(bytes: &[u8], what: &str) -> Result<TokenHash, StorageError> {
    Ok(TokenHash::from_bytes(
        bytes.try_into().map_err(|_| corrupt(what))?,
    ))
}

/// A candidate's digest from its column.
pub(crate) fn digest(bytes: &[u8], what: &str) -> Result<PluginDigest, StorageError> {
    Ok(PluginDigest(bytes.try_into().map_err(|_| corrupt(what))?))
}

/// Scopes from their space-delimited form.
pub(crate) fn scope(text: &str, what: &str) -> Result<ScopeSet, StorageError> {
    ScopeSet::parse(text).map_err(|_| corrupt(what))
}

/// A `client_id` from its column.
pub(crate) fn client_id(text: &str, what: &str) -> Result<ClientId, StorageError> {
    ClientId::parse(text).map_err(|_| corrupt(what))
}

/// A tenant from its column.
pub(crate) fn tenant_id(text: &str) -> Result<TenantId, StorageError> {
    TenantId::parse(text).map_err(|_| corrupt("tenant_id"))
}

/// A `kid` from its column.
pub(crate) fn kid(text: &str) -> Result<Kid, StorageError> {
    Kid::parse(text).map_err(|_| corrupt("signing_keys.kid"))
}

/// A plugin's name from its column.
pub(crate) fn plugin_name(text: &str) -> Result<PluginName, StorageError> {
    PluginName::parse(text).map_err(|_| corrupt("plugins.name"))
}

/// An algorithm from its JOSE name.
pub(crate) fn alg(text: &str, what: &str) -> Result<SigningAlg, StorageError> {
    SigningAlg::parse(text).ok_or_else(|| corrupt(what))
}

/// An opened secret that is text.
pub(crate) fn secret_text(opened: &SecretBytes, what: &str) -> Result<SecretText, StorageError> {
    let text = std::str::from_utf8(opened.expose()).map_err(|_| corrupt(what))?;
    Ok(SecretText::new(text.to_owned()))
}

/// A secret that is text, to be sealed.
pub(crate) fn secret_bytes(text: &SecretText) -> SecretBytes {
    SecretBytes::new(text.expose().as_bytes().to_vec())
}

/// A lifetime for its column.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A key's state from its stored name.
pub(crate) fn key_state(text: &str) -> Result<KeyState, StorageError> {
    KeyState::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| corrupt("signing_keys.state"))
}

/// The stored name of an interaction's stage; the JSON beside it carries the stage's data.
pub(crate) const fn stage_name(state: &InteractionState) -> &'static str {
    match state {
        // Nobody has signed in yet in either.
        InteractionState::Pending | InteractionState::NewPassword { .. } => "pending",
        InteractionState::Authenticated { .. } => "authenticated",
        InteractionState::Selected { .. } => "selected",
        InteractionState::Consent { .. } => "consent",
        InteractionState::Done => "done",
        InteractionState::Denied => "denied",
    }
}

/// An audit action's name, and the action with its fields as JSON.
pub(crate) fn audit_action(action: &AuditAction) -> Result<(String, String), StorageError> {
    let json = serde_json::to_value(action).map_err(|e| StorageError::Backend(Box::new(e)))?;
    let name = json.get("action").and_then(serde_json::Value::as_str);
    let name = name
        .ok_or_else(|| corrupt("audit action without a name"))?
        .to_owned();
    Ok((name, json.to_string()))
}

/// Candidates' digests as a JSON list of hex texts.
pub(crate) fn digests_to_json(digests: &[PluginDigest]) -> Result<String, StorageError> {
    to_json(&digests.iter().map(|d| d.to_hex()).collect::<Vec<_>>())
}

/// Candidates' digests from a JSON list of hex texts.
pub(crate) fn digests_from_json(text: &str) -> Result<Vec<PluginDigest>, StorageError> {
    let what = "plugins.previous_digests";
    from_json::<Vec<String>>(text, what)?
        .iter()
        .map(|hex| digest(&hex::decode(hex).map_err(|_| corrupt(what))?, what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_corrupt<T>(result: &Result<T, StorageError>) -> bool {
        matches!(result, Err(StorageError::Corrupt(_)))
    }

    #[test]
    fn values_that_fit_no_state_are_corrupt() {
        assert!(is_corrupt(&hash(&[0; 31], "x")));
        assert!(is_corrupt(&digest(&[0; 33], "x")));
        assert!(is_corrupt(&scope("a\"b", "x")));
        assert!(is_corrupt(&client_id("", "x")));
        assert!(is_corrupt(&alg("none", "x")));
        assert!(is_corrupt(&key_state("gone")));
        assert!(is_corrupt(&from_json::<Vec<String>>("{}", "x")));
        assert!(is_corrupt(&digests_from_json("[\"zz\"]")));
        assert!(is_corrupt(&plugin_name("UPPER")));
    }

    #[test]
    fn digests_survive_their_column() {
        let list = vec![PluginDigest([1; 32]), PluginDigest([255; 32])];
        assert_eq!(digests_from_json(&digests_to_json(&list).unwrap()).unwrap(), list);
    }
}
