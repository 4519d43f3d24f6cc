//! What a scope means to a person: its sentence, its icon, and whether it deserves a second thought.

use serde::Serialize;

use super::views::{ClaimLine, ScopeLine};

/// What is known of a scope that Authly seeds.
struct Known {
    name: &'static str,
    key: &'static str,
    icon: &'static str,
    powerful: bool,
}

const fn known(name: &'static str, key: &'static str, icon: &'static str, powerful: bool) -> Known {
    Known {
        name,
        key,
        icon,
        powerful,
    }
}

/// The scopes seeded by migrations, each with a sentence in every locale.
const KNOWN: [Known; 20] = [
    known("openid", "scope-openid", "badge", false),
    known("profile", "scope-profile", "person", false),
    known("email", "scope-email", "mail", false),
    known("address", "scope-address", "pin", false),
    known("phone", "scope-phone", "phone", false),
    known("offline_access", "scope-offline-access", "clock", false),
    known("profile:write", "scope-profile-write", "pencil", false),
    known("account:read", "scope-account-read", "eye", false),
    // Whoever changes the password keeps the person out.
    known("account:write", "scope-account-write", "key", true),
    known("read", "scope-read", "eye", false),
    known("write", "scope-write", "pencil", false),
    known("admin", "scope-admin", "shield", true),
    known("admin:clients:read", "scope-admin-clients-read", "shield", true),
    known("admin:clients:write", "scope-admin-clients-write", "shield", true),
    known("admin:scopes:read", "scope-admin-scopes-read", "shield", true),
    known("admin:scopes:write", "scope-admin-scopes-write", "shield", true),
    known("admin:users:read", "scope-admin-users-read", "shield", true),
    known("admin:users:write", "scope-admin-users-write", "shield", true),
    known("admin:system:read", "scope-admin-system-read", "shield", true),
    known("admin:system:write", "scope-admin-system-write", "shield", true),
];

/// The standard claims (OIDC Core §5.1), each with a sentence in every locale.
const CLAIMS: [(&str, &str, &str); 19] = [
    ("name", "claim-name", "person"),
    ("family_name", "claim-family-name", "person"),
    ("given_name", "claim-given-name", "person"),
    ("middle_name", "claim-middle-name", "person"),
    ("nickname", "claim-nickname", "person"),
    ("preferred_username", "claim-preferred-username", "person"),
    ("profile", "claim-profile", "person"),
    ("picture", "claim-picture", "person"),
    ("website", "claim-website", "person"),
    ("gender", "claim-gender", "person"),
    ("birthdate", "claim-birthdate", "person"),
    ("zoneinfo", "claim-zoneinfo", "person"),
    ("locale", "claim-locale", "person"),
    ("updated_at", "claim-updated-at", "clock"),
    ("email", "claim-email", "mail"),
    ("email_verified", "claim-email-verified", "mail"),
    ("phone_number", "claim-phone-number", "phone"),
    ("phone_number_verified", "claim-phone-number-verified", "phone"),
    ("address", "claim-address", "pin"),
];

/// A scope, or a claim that was asked for by name, as the consent template sees it.
#[derive(Serialize)]
pub(super) struct ScopeText<'a> {
    name: &'a str,
    /// The key of its sentence; `None` when only the operator can say what it means.
    key: Option<&'static str>,
    description: Option<&'a str>,
    icon: &'static str,
    is_new: bool,
    powerful: bool,
}

impl ScopeText<'_> {
    /// The name of its icon.
    pub(super) const fn icon(&self) -> &'static str {
        self.icon
    }
}

/// Finds the words for a scope.
pub(super) fn scope_text(line: &ScopeLine) -> ScopeText<'_> {
    let known = KNOWN.iter().find(|known| known.name == line.name);
    ScopeText {
        name: &line.name,
        key: known.map(|known| known.key),
        description: line.description.as_deref().filter(|text| !text.trim().is_empty()),
        icon: known.map_or("key", |known| known.icon),
        is_new: line.is_new,
        powerful: known.is_some_and(|known| known.powerful),
    }
}

/// Finds the words for a claim.
pub(super) fn claim_text(line: &ClaimLine) -> ScopeText<'_> {
    let known = CLAIMS.iter().find(|(name, ..)| *name == line.name);
    ScopeText {
        name: &line.name,
        key: known.map(|(_, key, _)| *key),
        description: None,
        icon: known.map_or("key", |(.., icon)| icon),
        is_new: line.is_new,
        powerful: false,
    }
}

#[cfg(test)]
mod tests {
    use fluent_bundle::FluentArgs;

    use super::{
        super::{Locale, texts::Texts},
        *,
    };

    #[test]
    fn every_seeded_scope_and_claim_has_a_sentence_in_every_locale() {
        for locale in Locale::ALL {
            let texts = Texts::load(locale, None).unwrap();
            let scopes = KNOWN.iter().map(|known| known.key);
            for key in scopes.chain(CLAIMS.iter().map(|(_, key, _)| *key)) {
                assert!(texts.get(key, &FluentArgs::new()).is_ok(), "{key} in {locale:?}");
            }
        }
    }

    #[test]
    fn every_seeded_scope_is_known() {
        let seeded = authly_oauth::scopes::seeded();
        for scope in &seeded {
            assert!(
                KNOWN.iter().any(|known| known.name == scope.name),
                "{}",
                scope.name
            );
        }
        assert_eq!(seeded.len(), KNOWN.len());
    }

    #[test]
    fn a_scope_that_only_looks_like_a_seeded_one_gets_no_sentence_of_ours() {
        let line = ScopeLine {
            name: "admin-clients-read".into(),
            description: Some(" ".into()),
            is_new: true,
        };
        let text = scope_text(&line);
        assert!(text.key.is_none() && text.description.is_none() && !text.powerful);
    }
}
