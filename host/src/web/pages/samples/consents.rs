//! The consent page in every state.

use super::{arabic, hostile, login, notes, own};
use crate::web::pages::{ClaimLine, ClientHost, ClientView, ConsentView, Locale, LoginView, ScopeLine};

fn scope(name: &str, is_new: bool) -> ScopeLine {
    ScopeLine {
        name: name.to_owned(),
        description: Some(format!("Access {name}")),
        is_new,
    }
}

fn consent(client: ClientView, scopes: &[(&str, bool)], locale: Locale) -> ConsentView {
    let LoginView {
        interaction,
        csrf,
        redirect_uri,
        ..
    } = login(notes(), locale);
    ConsentView {
        interaction,
        csrf,
        client,
        redirect_uri,
        display_name: Some("Alice Adams".to_owned()),
        username: "alice".to_owned(),
        scopes: scopes.iter().map(|(name, is_new)| scope(name, *is_new)).collect(),
        claims: Vec::new(),
        locale,
    }
}

const USUAL: [(&str, bool); 4] = [
    ("openid", true),
    ("profile", true),
    ("email", true),
    ("offline_access", true),
];
const WIDER: [(&str, bool); 5] = [
    ("openid", false),
    ("profile", false),
    ("email", false),
    ("write", true),
    ("offline_access", true),
];
const ADMIN: [(&str, bool); 17] = [
    ("openid", true),
    ("profile", true),
    ("email", true),
    ("address", true),
    ("phone", true),
    ("offline_access", true),
    ("read", true),
    ("write", true),
    ("admin", true),
    ("admin:clients:read", true),
    ("admin:clients:write", true),
    ("admin:scopes:read", true),
    ("admin:scopes:write", true),
    ("admin:users:read", true),
    ("admin:users:write", true),
    ("admin:system:read", true),
    ("admin:system:write", true),
];

/// The consent page's states.
#[expect(clippy::too_many_lines, reason = "a table, one row per state")]
pub(super) fn consents(locale: Locale) -> Vec<(&'static str, ConsentView)> {
    let usual = || consent(notes(), &USUAL, locale);
    let repeated = |client| consent(client, &USUAL.map(|(name, _)| (name, false)), locale);
    vec![
        ("fresh", usual()),
        ("wider", consent(notes(), &WIDER, locale)),
        ("again", repeated(notes())),
        ("admin", consent(own(), &ADMIN, locale)),
        (
            "claims",
            ConsentView {
                claims: single_claims(),
                ..consent(notes(), &[("openid", false)], locale)
            },
        ),
        (
            "unknown",
            ConsentView {
                scopes: unknown_scopes(),
                ..usual()
            },
        ),
        (
            "many",
            ConsentView {
                scopes: many_scopes(40),
                ..usual()
            },
        ),
        (
            "most",
            ConsentView {
                scopes: many_scopes(authly_core::ScopeSet::COUNT_MAX),
                ..usual()
            },
        ),
        (
            "nameless",
            ConsentView {
                display_name: None,
                ..usual()
            },
        ),
        (
            "hostless",
            ConsentView {
                client: ClientView {
                    host: None,
                    ..notes()
                },
                ..usual()
            },
        ),
        (
            "app",
            ConsentView {
                client: ClientView {
                    host: Some(ClientHost::App),
                    ..notes()
                },
                redirect_uri: "example.juniper.notes:/callback".to_owned(),
                ..usual()
            },
        ),
        (
            "long",
            ConsentView {
                display_name: Some(
                    "<img src=x onerror=alert(1)> von und zu Hohenlohe-Waldenburg-Schillingsfürst".to_owned(),
                ),
                username: "a.very.long.user.name.that.never.ends@a-very-long-domain-name.example".to_owned(),
                client: hostile(),
                ..usual()
            },
        ),
        (
            "rtl",
            ConsentView {
                display_name: Some("ليلى حسن".to_owned()),
                username: "layla".to_owned(),
                ..consent(arabic(), &WIDER, locale)
            },
        ),
    ]
}

/// Some that were agreed to with a scope of theirs, and some that were not.
fn single_claims() -> Vec<ClaimLine> {
    let line = |name: &str, is_new| ClaimLine {
        name: name.to_owned(),
        is_new,
    };
    vec![
        line("name", false),
        line("birthdate", true),
        line("phone_number_verified", true),
        line("address", true),
    ]
}

fn unknown_scopes() -> Vec<ScopeLine> {
    let line = |name: &str, description: Option<&str>| ScopeLine {
        name: name.to_owned(),
        description: description.map(str::to_owned),
        is_new: true,
    };
    vec![
        line("openid", None),
        line("invoices:read", Some("Read the invoices of your company")),
        line("urn:example:no-description", None),
        line("evil", Some("<b>Nothing</b> at all & \"more\"")),
    ]
}

fn many_scopes(count: usize) -> Vec<ScopeLine> {
    (0..count)
        .map(|n| ScopeLine {
            name: format!("department:{n}:files"),
            description: Some(format!("Open the files of department {n}")),
            is_new: true,
        })
        .collect()
}
