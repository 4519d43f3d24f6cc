//! Changing accounts.

use authly_accounts::{
    NewUser, Origin, PasswordRefusal,
    users::{
        NewPassword, ProfileError, SetPasswordError, StandingError, UpdateUserError, UserChanges,
        delete_user, set_enabled, set_password, update_profile, update_user,
    },
};
use authly_core::{SecretText, Timestamp, UserId, ports::PasswordEnds, user::User};
use serde_json::{Value, json};

use crate::{Fixture, NOW, claims, named};

/// A second after the fixture's accounts were made.
const LATER: Origin<'static> = Origin::Server(Timestamp::from_secs(1_800_000_001));

impl Fixture {
    async fn change(&self, id: UserId, changes: UserChanges) -> Result<User, UpdateUserError> {
        update_user(self.storage.as_ref(), id, &changes, LATER).await
    }

    async fn stored(&self, id: UserId) -> User {
        User::clone(&self.storage.load_user(id).await.unwrap().unwrap())
    }
}

#[tokio::test]
async fn change_is_stored_as_it_was_answered_and_leaves_the_rest() {
    let f = Fixture::new().await;
    let alice = f
        .create(NewUser {
            claims: claims(json!({"email": "a@example.com", "email_verified": true, "nickname": "al"})),
            groups: vec!["staff".to_owned()],
            ..named("alice")
        })
        .await
        .unwrap();
    let changes = UserChanges {
        username: Some(" Ally ".to_owned()),
        set_claims: claims(json!({"email": "ally@example.com"})),
        remove_claims: vec!["nickname".to_owned(), "absent".to_owned()],
        is_admin: Some(true),
        verified: Some(true),
        requires_password_change: Some(true),
        ..UserChanges::default()
    };
    let after = f.change(alice.id, changes).await.unwrap();
    assert_eq!(after, f.stored(alice.id).await);
    assert_eq!(after.username, "Ally");
    assert_eq!(
        Value::Object(after.claims),
        json!({"email": "ally@example.com", "email_verified": false})
    );
    assert_eq!(after.groups, ["staff"]);
    assert!(after.is_admin && after.verified && after.requires_password_change && after.enabled);
    assert_eq!((after.version, after.updated_at), (1, LATER.now()));
    // Nothing to change is no change.
    let same = f.change(alice.id, UserChanges::default()).await.unwrap();
    assert_eq!((same.version, same.updated_at), (1, LATER.now()));
}

#[tokio::test]
async fn refused_change_leaves_the_account_as_it_was() {
    let f = Fixture::new().await;
    f.create(named("bob")).await.unwrap();
    let alice = f.create(named("alice")).await.unwrap();
    let renamed = |name: &str| UserChanges {
        username: Some(name.to_owned()),
        ..UserChanges::default()
    };
    assert!(matches!(
        f.change(alice.id, renamed("BOB")).await,
        Err(UpdateUserError::Taken)
    ));
    assert!(matches!(
        f.change(alice.id, renamed("a\u{0}")).await,
        Err(UpdateUserError::Username)
    ));
    let bad = UserChanges {
        is_admin: Some(true),
        set_claims: claims(json!({"name": "A", "birthdate": "soon"})),
        ..UserChanges::default()
    };
    assert!(matches!(
        f.change(alice.id, bad).await,
        Err(UpdateUserError::Claim(_))
    ));
    assert_eq!(f.stored(alice.id).await, alice);
    let nobody = UserId::generate(NOW, &f.rng);
    assert!(matches!(
        f.change(nobody, renamed("carol")).await,
        Err(UpdateUserError::Unknown)
    ));
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made() {
    let f = Fixture::new().await;
    let alice = f.create(named("alice")).await.unwrap();
    let set = |name: &str| UserChanges {
        set_claims: claims(json!({ name: name })),
        ..UserChanges::default()
    };
    let (a, b, c) = tokio::join!(
        f.change(alice.id, set("one")),
        f.change(alice.id, set("two")),
        f.change(alice.id, set("three"))
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok(), "{a:?} {b:?} {c:?}");
    let stored = f.stored(alice.id).await;
    assert_eq!(stored.version, 3);
    assert_eq!(
        Value::Object(stored.claims),
        json!({"one": "one", "two": "two", "three": "three"})
    );
}

#[tokio::test]
async fn operators_password_is_the_password() {
    let f = Fixture::new().await;
    let alice = f.create(named("alice")).await.unwrap();
    let set = |password: &str, user_id: UserId| {
        let new = NewPassword {
            user_id,
            password: SecretText::new(password.to_owned()),
            requires_change: true,
            ends: PasswordEnds::Others { keep: None },
        };
        set_password(f.storage.as_ref(), &f.passwords, new, LATER, &f.rng)
    };
    let weak = set("alicealice", alice.id).await;
    assert!(
        matches!(weak, Err(SetPasswordError::Refused(PasswordRefusal::OwnName))),
        "{weak:?}"
    );
    set("correct horse battery", alice.id).await.unwrap();
    let login = f.storage.load_login("alice").await.unwrap().unwrap();
    assert!(login.user.requires_password_change);
    assert_eq!(login.user.password_changed_at, Some(LATER.now()));
    let typed = SecretText::new("correct horse battery".to_owned());
    assert_eq!(f.passwords.verify(typed, login.password_hash).await, Ok(true));
    let nobody = set("correct horse battery", UserId::generate(NOW, &f.rng)).await;
    assert!(matches!(nobody, Err(SetPasswordError::Unknown)));
}

#[tokio::test]
async fn account_is_disabled_enabled_and_deleted() {
    let f = Fixture::new().await;
    let alice = f.create(named("alice")).await.unwrap();
    let storage = f.storage.as_ref();
    set_enabled(storage, alice.id, false, LATER).await.unwrap();
    assert!(!f.stored(alice.id).await.enabled);
    set_enabled(storage, alice.id, true, LATER).await.unwrap();
    assert!(f.stored(alice.id).await.enabled);
    delete_user(storage, alice.id, LATER).await.unwrap();
    assert!(storage.load_user(alice.id).await.unwrap().is_none());
    let again = delete_user(storage, alice.id, LATER).await;
    assert!(matches!(again, Err(StandingError::Unknown)));
    let gone = set_enabled(storage, alice.id, true, LATER).await;
    assert!(matches!(gone, Err(StandingError::Unknown)));
}

#[tokio::test]
async fn profile_changes_whole_or_not_at_all() {
    let f = Fixture::new().await;
    let phone = json!({"phone_number": "+31 20 1234567", "phone_number_verified": true, "nickname": "al"});
    let alice = f
        .create(NewUser {
            claims: claims(phone),
            ..named("alice")
        })
        .await
        .unwrap();
    let update = |members: Value| update_profile(f.storage.as_ref(), alice.id, claims(members), LATER);
    for bad in [
        json!({"name": "Ada", "email": "x@example.com"}),
        json!({"name": "Ada", "birthdate": "soon"}),
        json!({"name": "Ada", "address": {"country": 1}}),
    ] {
        assert!(
            matches!(update(bad.clone()).await, Err(ProfileError::Claim(_))),
            "{bad}"
        );
        assert_eq!(f.stored(alice.id).await, alice);
    }
    let changed = update(json!({"name": "Ada", "nickname": null, "phone_number": "+31 20 7654321"}))
        .await
        .unwrap();
    let expected = json!({"name": "Ada", "phone_number": "+31 20 7654321", "phone_number_verified": false});
    assert_eq!(Value::Object(changed.claims), expected);
}
