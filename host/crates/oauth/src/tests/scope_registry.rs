//! Defining scopes.

use authly_core::ports::ScopeDefinition;

use super::Site;
use crate::scope_registry::{DESCRIPTION_CHARS_MAX, ScopeChanges, create_scope, delete_scope, update_scope};

fn scope(name: &str, description: &str) -> ScopeDefinition {
    ScopeDefinition {
        name: name.to_owned(),
        description: description.to_owned(),
        is_default: false,
    }
}

#[tokio::test]
async fn a_scope_is_defined_changed_and_deleted() {
    let site = Site::new().await;
    let (storage, now) = (site.provider.storage.as_ref(), site.now());
    create_scope(storage, scope("printers", "Print"), now)
        .await
        .unwrap();
    let again = create_scope(storage, scope("printers", "Print"), now).await;
    assert_eq!(
        again.unwrap_err().to_string(),
        "scope printers is defined already"
    );
    let changes = ScopeChanges {
        is_default: Some(true),
        ..ScopeChanges::default()
    };
    let printers = update_scope(storage, "printers", changes, now).await.unwrap();
    assert_eq!(
        (printers.description.as_str(), printers.is_default),
        ("Print", true)
    );
    delete_scope(storage, "printers", now).await.unwrap();
    let gone = delete_scope(storage, "printers", now).await.unwrap_err();
    assert!(gone.to_string().contains("no scope printers"));
    assert!(
        update_scope(storage, "printers", ScopeChanges::default(), now)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_is_no_scope_or_no_text_is_refused() {
    let site = Site::new().await;
    let (storage, now) = (site.provider.storage.as_ref(), site.now());
    for name in ["", "a b", "a\"b", "\u{e9}"] {
        assert!(
            create_scope(storage, scope(name, "x"), now).await.is_err(),
            "{name:?}"
        );
    }
    let text = |length: usize| "x".repeat(length);
    for (description, right) in [
        (text(0), false),
        (" ".to_owned(), false),
        ("a\nb".to_owned(), false),
        (text(DESCRIPTION_CHARS_MAX), true),
        (text(DESCRIPTION_CHARS_MAX + 1), false),
    ] {
        let defined = create_scope(storage, scope("n", &description), now).await;
        assert_eq!(defined.is_ok(), right, "{}", description.len());
    }
}

#[tokio::test]
async fn the_servers_own_scopes_stay() {
    let site = Site::new().await;
    for name in ["openid", "offline_access", "admin:users:read", "profile:write"] {
        let refused = delete_scope(site.provider.storage.as_ref(), name, site.now()).await;
        assert!(
            refused.unwrap_err().to_string().contains("the server's own"),
            "{name}"
        );
    }
}
