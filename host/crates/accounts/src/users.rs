//! Making accounts, changing them, ending them. The command line and the APIs call the same functions.
//!
//! Nothing keeps the last administrator from being demoted, disabled or deleted: whoever runs the command line makes
//! the next one with it, so nobody is locked out.

use std::collections::HashSet;

use authly_core::{
    AuditAction, AuditEvent, Effects, RequestContext, Rng, SecretText, StorageError, Timestamp, Topic,
    UserId,
    ports::UserStore,
    user::{User, normalize_username},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    claims::{ClaimError, check_claims},
    passwords::{NewPasswordError, PasswordError, PasswordPool},
    policy::PasswordRefusal,
};

pub use self::{
    password::{NewPassword, SetPasswordError, set_password},
    profile::{PROFILE_CLAIMS, ProfileError, update_profile},
    standing::{StandingError, delete_user, set_enabled},
    update::{UpdateUserError, UserChanges, update_user},
};

mod password;
mod profile;
mod standing;
mod update;

/// The longest user name, in characters.
pub const USERNAME_CHARS_MAX: usize = 64;
/// The most groups a person may be in: they travel in every token that maps them.
const GROUPS_MAX: usize = 500;
/// The longest group name, in bytes.
const GROUP_BYTES_MAX: usize = 255;

/// An account to make.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// What the person will type; white space around it is dropped.
    pub username: String,
    /// `None`: an account that cannot sign in with a password.
    pub password: Option<SecretText>,
    /// Standard claims and the operator's own. A `groups` among them joins the account's groups.
    pub claims: Map<String, Value>,
    /// Group names, for claim plugins; repeated ones count once.
    pub groups: Vec<String>,
    /// May be granted `admin:*` scopes.
    pub is_admin: bool,
}

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
    /// Not a user name.
    #[error(
        "a user name has 1 to 64 characters, none of them invisible or a control character, and no white space but \
         single spaces inside"
    )]
    Username,
    /// Not a password that may be chosen.
    #[error(transparent)]
    Password(PasswordRefusal),
    /// A claim is refused.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The name is taken, perhaps in other capitals.
    #[error("the user name is taken")]
    Taken,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash(#[source] PasswordError),
    /// Storage could not answer.
    #[error("storage could not answer")]
    Storage(#[source] StorageError),
}

/// Who changes an account, and when: for the audit event.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// The command line, or the server itself.
    Server(Timestamp),
    /// A request.
    Request(&'a RequestContext),
}

impl Origin<'_> {
    /// The time of the change.
    pub fn now(self) -> Timestamp {
        match self {
            Self::Server(now) => now,
            Self::Request(ctx) => ctx.now,
        }
    }

    /// What happened, to whom.
    pub(crate) fn event(self, action: AuditAction, pseudonym: Uuid) -> AuditEvent {
        let event = match self {
            Self::Server(now) => AuditEvent::internal(now, action),
            Self::Request(ctx) => AuditEvent::of(ctx, action),
        };
        event.person(pseudonym)
    }

    /// The event, and that caches must forget the person.
    pub(crate) fn effects(self, action: AuditAction, user: &User) -> Effects {
        Effects::audited(self.event(action, user.pseudonym)).invalidating(Topic::User, user.id.to_string())
    }
}

/// Makes an account, with an audit event in the same step, for the command line.
///
/// # Errors
/// [`CreateUserError`]; nothing was stored.
///
/// Spec: OIDC Core §5.1.
pub async fn create_user(
    storage: &dyn UserStore,
    passwords: &PasswordPool,
    new: NewUser,
    now: Timestamp,
    rng: &dyn Rng,
) -> Result<User, CreateUserError> {
    create(storage, passwords, new, Origin::Server(now), rng).await
}

/// What a stranger says who wants an account. There is no more they may say: not that they are verified, not what
/// groups they are in.
#[derive(Clone, Debug)]
pub struct Registration {
    /// As typed.
    pub username: String,
    /// Kept as the claim `email`, with `email_verified` false; that somebody else has it as well is nobody's business.
    pub email: String,
    /// As typed.
    pub password: SecretText,
}

/// Makes an account for whoever asks. Its name is unique, and the answer cannot hide that one is taken; it takes a
/// hash to learn it.
///
/// # Errors
/// [`CreateUserError`]; nothing was stored.
pub async fn register_user(
    storage: &dyn UserStore,
    passwords: &PasswordPool,
    registration: Registration,
    ctx: &RequestContext,
    rng: &dyn Rng,
) -> Result<User, CreateUserError> {
    let new = NewUser {
        username: registration.username,
        password: Some(registration.password),
        claims: Map::from_iter([
            ("email".to_owned(), Value::from(registration.email)),
            // Said, because many take an address of which nothing is said for a proved one.
            ("email_verified".to_owned(), Value::from(false)),
        ]),
        ..NewUser::default()
    };
    create(storage, passwords, new, Origin::Request(ctx), rng).await
}

async fn create(
    storage: &dyn UserStore,
    passwords: &PasswordPool,
    new: NewUser,
    origin: Origin<'_>,
    rng: &dyn Rng,
) -> Result<User, CreateUserError> {
    let now = origin.now();
    let username = new.username.trim();
    if !is_new_username(username) {
        return Err(CreateUserError::Username);
    }
    let mut claims = new.claims;
    let groups = collect_groups(new.groups, claims.remove("groups"))?;
    check_claims(&claims)?;
    let password_hash = match new.password {
        Some(password) => {
            let names = names_of(username, &claims);
            let hash = match origin {
                Origin::Server(_) => passwords.hash_new(password, names, rng).await,
                // Whoever makes an account by a request has none yet.
                Origin::Request(_) => passwords.hash_for_stranger(password, names, rng).await,
            };
            Some(hash.map_err(refused)?)
        }
        None => None,
    };
    let user = User {
        id: UserId::generate(now, rng),
        username: username.to_owned(),
        claims,
        groups,
        is_admin: new.is_admin,
        enabled: true,
        verified: false,
        requires_password_change: false,
        password_changed_at: password_hash.is_some().then_some(now),
        last_login_at: None,
        pseudonym: pseudonym(rng),
        created_at: now,
        updated_at: now,
        version: 0,
    };
    let created = origin.event(AuditAction::UserCreated, user.pseudonym);
    match storage
        .create_user(&user, password_hash.as_ref(), Effects::audited(created))
        .await
    {
        Ok(()) => Ok(user),
        Err(StorageError::Conflict(_)) => Err(CreateUserError::Taken),
        Err(error) => Err(CreateUserError::Storage(error)),
    }
}

fn refused(error: NewPasswordError) -> CreateUserError {
    match error {
        NewPasswordError::Refused(refusal) => CreateUserError::Password(refusal),
        NewPasswordError::Hash(error) => CreateUserError::Hash(error),
    }
}

/// What somebody who knows the person would try first.
pub(crate) fn names_of(username: &str, claims: &Map<String, Value>) -> Vec<String> {
    const NAMES: [&str; 6] = [
        "email",
        "name",
        "given_name",
        "family_name",
        "nickname",
        "preferred_username",
    ];
    let told = NAMES.iter().filter_map(|claim| claims.get(*claim)?.as_str());
    std::iter::once(username).chain(told).map(str::to_owned).collect()
}

/// Whether a trimmed text can become a user name. Normalizing may lengthen a name or bring white space into it, and
/// login looks for the result.
fn is_new_username(text: &str) -> bool {
    is_username(text) && is_username(&normalize_username(text))
}

/// Random throughout, unlike the time-ordered id: it must not tell when the account was made.
fn pseudonym(rng: &dyn Rng) -> Uuid {
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Whether a trimmed text can be a user name: 1 to [`USERNAME_CHARS_MAX`] characters that can be seen, so that two
/// names that look alike are alike.
pub(crate) fn is_username(text: &str) -> bool {
    let count = text.chars().count();
    let spaced = text.starts_with(' ') || text.ends_with(' ') || text.contains("  ");
    (1..=USERNAME_CHARS_MAX).contains(&count) && !spaced && text.chars().all(is_visible)
}

/// No control, no white space but the plain one, none of the characters that show nothing or turn the text around.
fn is_visible(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    c == ' ' || !(hidden || c.is_control() || c.is_whitespace())
}

/// Groups are the account's own field, not a claim: plugins map them. A claim of that name joins them.
fn collect_groups(mut groups: Vec<String>, claim: Option<Value>) -> Result<Vec<String>, ClaimError> {
    let refused = || ClaimError {
        name: "groups".to_owned(),
        reason: "it must be an array of at most 500 names of 1 to 255 bytes without control characters",
    };
    if let Some(claim) = claim {
        let more: Vec<String> = serde_json::from_value(claim).map_err(|_| refused())?;
        groups.extend(more);
    }
    let mut seen = HashSet::new();
    groups.retain(|name| seen.insert(name.clone()));
    if groups.len() > GROUPS_MAX || !groups.iter().all(|name| is_group(name)) {
        return Err(refused());
    }
    Ok(groups)
}

fn is_group(name: &str) -> bool {
    (1..=GROUP_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn username_can_be_seen() {
        for good in [
            "a",
            "Alice",
            "zoë",
            "jan de wit",
            "a@example.com",
            &"x".repeat(64),
            &"é".repeat(64),
        ] {
            assert!(is_username(good), "{good:?}");
        }
        let long = "x".repeat(65);
        for bad in [
            "",
            " ",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\nb",
            "a\u{0}b",
            "a\u{a0}b",
            "a\u{200b}b",
            "\u{202e}ecila",
            "a\u{feff}",
            "a\u{2028}b",
            "\u{3164}",
            &long,
        ] {
            assert!(!is_username(bad), "{bad:?}");
        }
    }

    #[test]
    fn groups_of_both_places_are_one_list_without_repetition() {
        let given = vec!["staff".to_owned(), "admin".to_owned()];
        let groups = collect_groups(given, Some(json!(["staff", "research"]))).unwrap();
        assert_eq!(groups, ["staff", "admin", "research"]);
        assert_eq!(collect_groups(Vec::new(), None), Ok(Vec::new()));
    }

    #[test]
    fn groups_must_be_names_within_limits() {
        let groups = |claim: Value| collect_groups(Vec::new(), Some(claim));
        let many = |n: usize| Value::from((0..n).map(|i| format!("g{i}")).collect::<Vec<_>>());
        assert!(groups(many(GROUPS_MAX)).is_ok());
        for bad in [
            json!("staff"),
            json!([1]),
            json!([""]),
            json!(["a\nb"]),
            json!(["x".repeat(GROUP_BYTES_MAX + 1)]),
            many(GROUPS_MAX + 1),
        ] {
            assert!(groups(bad.clone()).is_err(), "{bad}");
        }
    }
}
