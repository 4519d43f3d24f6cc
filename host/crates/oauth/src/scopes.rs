//! The scopes a new tenant begins with, and who may be granted which (RFC 6749 §3.3, OIDC Core §5.4, §11).

use authly_core::{Scope, ScopeSet, StorageError, client::Client, ports::ScopeDefinition, user::User};

use crate::{Issuer, Provider};

/// Asks for an ID token and opens UserInfo (OIDC Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// Asks for a refresh token (OIDC Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// Changes what UserInfo says of the person, by `PUT`.
pub const PROFILE_WRITE: &str = "profile:write";
/// Reads the account at Authly's own API.
pub const ACCOUNT_READ: &str = "account:read";
/// Changes the password, or signs out everywhere, at Authly's own API.
pub const ACCOUNT_WRITE: &str = "account:write";

/// What opens a person's own account at this server.
const OWN_ACCOUNT: [&str; 3] = [PROFILE_WRITE, ACCOUNT_READ, ACCOUNT_WRITE];

/// Name, description, and whether it is a default.
const SEEDED: [(&str, &str, bool); 20] = [
    (OPENID, "Sign in and learn a stable identifier", false),
    ("profile", "Name, picture and other profile details", true),
    ("email", "E-mail address", false),
    ("address", "Postal address", false),
    ("phone", "Phone number", false),
    (OFFLINE_ACCESS, "Keep access while the person is away", false),
    (PROFILE_WRITE, "Change profile details", false),
    (ACCOUNT_READ, "See the account's data", false),
    (
        ACCOUNT_WRITE,
        "Change the password and sign out everywhere",
        false,
    ),
    ("read", "Read data of the person", false),
    ("write", "Change data of the person", false),
    ("admin", "Administer on behalf of an administrator", false),
    ("admin:clients:read", "See registered clients", false),
    ("admin:clients:write", "Register and change clients", false),
    ("admin:scopes:read", "See defined scopes", false),
    ("admin:scopes:write", "Define and change scopes", false),
    ("admin:users:read", "See accounts", false),
    ("admin:users:write", "Make and change accounts", false),
    ("admin:system:read", "See the state of the server", false),
    ("admin:system:write", "Change the state of the server", false),
];

/// What a tenant's storage is seeded with; operators may add to it.
pub fn seeded() -> Vec<ScopeDefinition> {
    let define = |(name, description, is_default): (&str, &str, bool)| ScopeDefinition {
        name: name.to_owned(),
        description: description.to_owned(),
        is_default,
    };
    SEEDED.into_iter().map(define).collect()
}

/// Whether a tenant begins with the scope: the server itself gives it a meaning.
pub fn is_seeded(name: &str) -> bool {
    SEEDED.iter().any(|(seeded, ..)| *seeded == name)
}

/// Whether only administrators may be granted the scope.
pub fn is_admin(name: &str) -> bool {
    name == "admin" || name.starts_with("admin:")
}

/// Whether the scope means something only when a person is behind the token: OpenID Connect's own scopes ask for
/// claims about one (OIDC Core §5.4), `offline_access` for their absence (§11), `admin` for an administrator.
pub fn needs_person(name: &str) -> bool {
    const ABOUT_PEOPLE: [&str; 9] = [
        OPENID,
        "profile",
        "email",
        "address",
        "phone",
        OFFLINE_ACCESS,
        PROFILE_WRITE,
        ACCOUNT_READ,
        ACCOUNT_WRITE,
    ];
    ABOUT_PEOPLE.contains(&name) || is_admin(name)
}

/// The part of `scope` that this person may be granted. Checked when the code is issued, when it is redeemed and at
/// every refresh, so that a former administrator's tokens lose their power.
pub fn grantable_to(scope: &ScopeSet, user: &User) -> ScopeSet {
    scope
        .iter()
        .filter(|s| user.is_admin || !is_admin(s.as_str()))
        .cloned()
        .collect()
}

/// What is left of a granted scope today: the client's registration or the person's role may have been cut since, or a
/// scope may be defined no longer.
///
/// # Errors
/// [`StorageError`] when the defined scopes cannot be read.
pub(crate) async fn still_grantable(
    provider: &Provider,
    granted: &ScopeSet,
    client: &Client,
    user: &User,
) -> Result<ScopeSet, StorageError> {
    let granted = still_the_clients(provider, granted, client).await?;
    let granted = without_foreign(&granted, client, &provider.issuer);
    Ok(grantable_to(&granted, user))
}

/// What of a scope the client is registered for and somebody still defines.
///
/// # Errors
/// [`StorageError`].
pub(crate) async fn still_the_clients(
    provider: &Provider,
    granted: &ScopeSet,
    client: &Client,
) -> Result<ScopeSet, StorageError> {
    let defined = provider.storage.list_scopes().await?;
    let is_defined = |scope: &&Scope| defined.iter().any(|d| d.name == scope.as_str());
    Ok(granted
        .intersection(&client.scopes)
        .iter()
        .filter(is_defined)
        .cloned()
        .collect())
}

/// Scopes that open this server's own doors, `admin` ones and those of a person's own account, go only to a client whose
/// tokens are for this server: one without audiences of its own, or with the issuer among them. An API that received
/// such a token could administer the server, or rewrite the person's account.
fn without_foreign(scope: &ScopeSet, client: &Client, issuer: &Issuer) -> ScopeSet {
    let for_us = client.audiences.is_empty() || client.audiences.iter().any(|a| a == issuer.as_str());
    scope
        .iter()
        .filter(|s| for_us || !(is_admin(s.as_str()) || OWN_ACCOUNT.contains(&s.as_str())))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn seeded_scopes_are_twenty_distinct_ones() {
        let names: std::collections::BTreeSet<String> = seeded().into_iter().map(|s| s.name).collect();
        assert_eq!(names.len(), 20);
        assert_eq!(names.iter().filter(|n| is_admin(n)).count(), 9);
    }

    #[test]
    fn admin_scopes_are_for_administrators() {
        let scope = ScopeSet::parse("openid admin admin:users:read administer").unwrap();
        let mut user = testing::user("alice");
        assert_eq!(grantable_to(&scope, &user).to_string(), "administer openid");
        user.is_admin = true;
        assert_eq!(grantable_to(&scope, &user), scope);
    }

    #[test]
    fn the_servers_own_scopes_are_for_clients_whose_tokens_are_for_the_issuer() {
        let issuer = Issuer::parse("https://op.example").unwrap();
        let all = "account:read account:write admin admin:users:read openid profile:write";
        let scope = ScopeSet::parse(all).unwrap();
        let (mut client, mut user) = (testing::client("web"), testing::user("alice"));
        user.is_admin = true;
        for (audiences, granted) in [
            (&[][..], all),
            (&["https://op.example"], all),
            (&["https://api.example", "https://op.example"], all),
            (&["https://api.example"], "openid"),
            (&["https://op.example/"], "openid"),
        ] {
            client.audiences = audiences.iter().map(|a| (*a).to_owned()).collect();
            let left = grantable_to(&without_foreign(&scope, &client, &issuer), &user);
            assert_eq!(left.to_string(), granted, "{audiences:?}");
        }
    }

    #[test]
    fn scopes_about_people_are_known() {
        for name in [
            "openid",
            "profile",
            "email",
            "address",
            "phone",
            "offline_access",
            "admin",
            "admin:x",
        ] {
            assert!(needs_person(name), "{name}");
        }
        for name in ["read", "write", "api", "administer"] {
            assert!(!needs_person(name), "{name}");
        }
    }
}
