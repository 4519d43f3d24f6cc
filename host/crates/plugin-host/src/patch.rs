//! A mapper's answer is a patch; this is where it is applied, or refused whole.

use std::collections::BTreeMap;

use authly_core::{claim::is_protocol_claim, ports::ClaimTarget};
use serde_json::{Map, Value};

use crate::{limits::Limits, policy::ClaimGrants};

/// The longest name of a claim, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// One change, in the host's words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub targets: Vec<ClaimTarget>,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Set { name: String, value: Value },
    Remove { name: String },
}

impl Action {
    fn name(&self) -> &str {
        match self {
            Self::Set { name, .. } | Self::Remove { name } => name,
        }
    }
}

/// Why a patch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// A claim the protocol owns.
    #[error("its patch touches the claim \"{0}\", which belongs to the protocol")]
    Protected(String),
    /// A claim the operator did not grant.
    #[error("its patch touches the claim \"{0}\", which is not granted to it")]
    NotGranted(String),
    /// A name that is empty, too long or holds control characters.
    #[error("its patch holds a claim whose name is empty, longer than 256 bytes or not printable")]
    Name,
    /// A value that is not JSON.
    #[error("its patch sets the claim \"{0}\" to something that is not JSON")]
    Value(String),
    /// An action this version of the contract does not know.
    #[error("its patch holds the unknown action \"{0}\"")]
    UnknownAction(String),
    /// More than [`Limits::changes`](crate::Limits::changes) or
    /// [`Limits::claims_bytes`](crate::Limits::claims_bytes).
    #[error("its patch is larger than a patch may be")]
    TooLarge,
}

/// Claims per target.
pub(crate) type Claims = BTreeMap<ClaimTarget, Map<String, Value>>;

/// Applies a patch. Every change is checked before the first is applied. Answers what was touched, where.
pub(crate) fn apply(
    changes: Vec<Change>,
    claims: &mut Claims,
    grants: &ClaimGrants,
    limits: &Limits,
) -> Result<Vec<(ClaimTarget, String)>, PatchError> {
    check(&changes, grants, limits)?;
    let mut touched = Vec::new();
    for change in changes {
        for target in &change.targets {
            let Some(of_target) = claims.get_mut(target) else {
                continue;
            };
            if apply_one(&change.action, of_target) {
                touched.push((*target, change.action.name().to_owned()));
            }
        }
    }
    Ok(touched)
}

fn apply_one(action: &Action, claims: &mut Map<String, Value>) -> bool {
    match action {
        Action::Set { name, value } => {
            claims.insert(name.clone(), value.clone());
            true
        }
        Action::Remove { name } => claims.remove(name).is_some(),
    }
}

fn check(changes: &[Change], grants: &ClaimGrants, limits: &Limits) -> Result<(), PatchError> {
    if changes.len() > limits.changes {
        return Err(PatchError::TooLarge);
    }
    let mut bytes = 0usize;
    for change in changes {
        let name = change.action.name();
        check_name(name)?;
        if is_protocol_claim(name) {
            return Err(PatchError::Protected(name.to_owned()));
        }
        if !grants.covers(name) {
            return Err(PatchError::NotGranted(name.to_owned()));
        }
        if let Action::Set { name, value } = &change.action {
            let size = name.len().saturating_add(value.to_string().len());
            bytes = bytes.saturating_add(size.saturating_mul(change.targets.len()));
        }
    }
    if bytes > limits.claims_bytes {
        return Err(PatchError::TooLarge);
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), PatchError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(PatchError::Name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use authly_core::claim::PROTOCOL_CLAIMS;
    use serde_json::json;

    use super::*;

    fn set(name: &str, value: Value) -> Change {
        Change {
            targets: vec![ClaimTarget::IdToken, ClaimTarget::Userinfo],
            action: Action::Set {
                name: name.to_owned(),
                value,
            },
        }
    }

    fn claims() -> Claims {
        let base = json!({ "sub": "s", "https://e.com/old": 1 });
        BTreeMap::from([(ClaimTarget::IdToken, base.as_object().unwrap().clone())])
    }

    fn run(changes: Vec<Change>, claims: &mut Claims) -> Result<Vec<(ClaimTarget, String)>, PatchError> {
        apply(changes, claims, &ClaimGrants::namespaced(), &Limits::default())
    }

    #[test]
    fn patch_applies_in_order_to_the_targets_of_the_response() {
        let mut claims = claims();
        let remove = Change {
            targets: vec![ClaimTarget::IdToken],
            action: Action::Remove {
                name: "https://e.com/old".to_owned(),
            },
        };
        let changes = vec![
            set("https://e.com/a", json!(1)),
            set("https://e.com/a", json!(2)),
            remove,
        ];
        let touched = run(changes, &mut claims).unwrap();
        assert_eq!(
            claims[&ClaimTarget::IdToken],
            *json!({ "sub": "s", "https://e.com/a": 2 }).as_object().unwrap()
        );
        assert_eq!(claims.len(), 1, "no target is added");
        assert_eq!(touched.len(), 3);
    }

    #[test]
    fn one_bad_change_refuses_the_whole_patch() {
        for name in PROTOCOL_CLAIMS {
            let mut after = claims();
            let error = run(
                vec![set("https://e.com/a", json!(1)), set(name, json!("x"))],
                &mut after,
            );
            assert_eq!(error, Err(PatchError::Protected(name.to_owned())));
            assert_eq!(after, claims());
        }
        let mut after = claims();
        assert_eq!(
            run(vec![set("email", json!("x"))], &mut after),
            Err(PatchError::NotGranted("email".to_owned()))
        );
        assert_eq!(run(vec![set("", json!(1))], &mut after), Err(PatchError::Name));
        assert_eq!(
            run(vec![set("https://e.com/a\n", json!(1))], &mut after),
            Err(PatchError::Name)
        );
        assert_eq!(after, claims());
    }

    #[test]
    fn removing_needs_the_same_right_as_setting() {
        let remove = |name: &str| Change {
            targets: vec![ClaimTarget::IdToken],
            action: Action::Remove {
                name: name.to_owned(),
            },
        };
        assert_eq!(
            run(vec![remove("sub")], &mut claims()),
            Err(PatchError::Protected("sub".to_owned()))
        );
        assert_eq!(
            run(vec![remove("email")], &mut claims()),
            Err(PatchError::NotGranted("email".to_owned()))
        );
    }

    #[test]
    fn size_and_count_are_limited() {
        let limits = Limits {
            changes: 2,
            claims_bytes: 100,
            ..Limits::default()
        };
        let go = |changes| apply(changes, &mut claims(), &ClaimGrants::namespaced(), &limits);
        let small = || set("https://e.com/a", json!(1));
        assert!(go(vec![small(), small()]).is_ok());
        assert_eq!(go(vec![small(), small(), small()]), Err(PatchError::TooLarge));
        // Two targets: (15 bytes of name + 35 of value) twice is exactly the limit.
        assert!(go(vec![set("https://e.com/a", json!("x".repeat(33)))]).is_ok());
        assert_eq!(
            go(vec![set("https://e.com/a", json!("x".repeat(34)))]),
            Err(PatchError::TooLarge)
        );
    }
}
