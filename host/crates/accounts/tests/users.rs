//! Making accounts, over the embedded database.
#![cfg(test)]

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use authly_accounts::{
    CreateUserError, NewUser, Origin, PasswordError, PasswordPool, PasswordRefusal, Registration,
    create_user, register_user,
    users::{
        NewPassword, ProfileError, SetPasswordError, StandingError, UpdateUserError, UserChanges,
        delete_user, set_enabled, set_password, update_profile, update_user,
    },
};
use authly_core::{
    RequestContext, Rng, SecretBytes, SecretText, TenantId, Timestamp, UserId,
    ports::{Page, PasswordEnds, TenantStorage},
    user::User,
};
use authly_storage::{DatabaseConfig, Sealer};
use serde_json::{Map, Value, json};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Bytes that differ from call to call.
struct Counter(AtomicU8);
impl Rng for Counter {
    fn fill(&self, dest: &mut [u8]) {
        for byte in dest {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Fixture {
    storage: Arc<dyn TenantStorage>,
    passwords: PasswordPool,
    rng: Counter,
}

impl Fixture {
    async fn new() -> Self {
        let sealer = Sealer::new(
            &SecretBytes::new(vec![7; 32]),
            Arc::new(Counter(AtomicU8::new(0))),
        )
        .unwrap();
        let database = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        Self {
            storage: database.tenant(&TenantId::default_tenant()),
            passwords: PasswordPool::new(1, 4).unwrap(),
            rng: Counter(AtomicU8::new(1)),
        }
    }

    async fn create(&self, new: NewUser) -> Result<User, CreateUserError> {
        create_user(self.storage.as_ref(), &self.passwords, new, NOW, &self.rng).await
    }
}

fn named(username: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        ..NewUser::default()
    }
}

fn claims(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn account_is_stored_as_it_was_answered() {
    let f = Fixture::new().await;
    let new = NewUser {
        password: Some(SecretText::new("correct horse".to_owned())),
        claims: claims(json!({"email": "a@example.com", "email_verified": true, "groups": ["staff"]})),
        groups: vec!["admin".to_owned()],
        is_admin: true,
        ..named("  Alice A ")
    };
    let user = f.create(new).await.unwrap();
    assert_eq!(user.username, "Alice A");
    assert_eq!(user.groups, ["admin", "staff"]);
    assert!(!user.claims.contains_key("groups"));
    assert!(user.enabled && user.is_admin);
    let login = f.storage.load_login("alice a").await.unwrap().unwrap();
    assert_eq!(login.user, user);
    let password = SecretText::new("correct horse".to_owned());
    assert_eq!(f.passwords.verify(password, login.password_hash).await, Ok(true));
}

#[tokio::test]
async fn taken_name_is_refused_in_any_spelling() {
    let f = Fixture::new().await;
    f.create(named("alice")).await.unwrap();
    for taken in ["alice", "ALICE", " Alice"] {
        let result = f.create(named(taken)).await;
        assert!(
            matches!(result, Err(CreateUserError::Taken)),
            "{taken}: {result:?}"
        );
    }
}

#[tokio::test]
async fn composed_and_decomposed_name_is_one_account() {
    let f = Fixture::new().await;
    let zoe = f.create(named("Zo\u{eb}")).await.unwrap();
    for spelling in ["Zoe\u{308}", "\u{ff3a}O\u{cb}"] {
        let result = f.create(named(spelling)).await;
        assert!(matches!(result, Err(CreateUserError::Taken)), "{result:?}");
        let name = authly_core::user::normalize_username(spelling);
        let login = f.storage.load_login(&name).await.unwrap().unwrap();
        assert_eq!(login.user, zoe);
    }
}

#[tokio::test]
async fn name_that_nobody_could_sign_in_with_is_refused() {
    let f = Fixture::new().await;
    // Four of these become 72 characters; the other one gets a space in front of its accent, after another space.
    for name in ["\u{fdfa}".repeat(4), "a \u{a8}".to_owned()] {
        let result = f.create(named(&name)).await;
        assert!(matches!(result, Err(CreateUserError::Username)), "{result:?}");
    }
}

#[tokio::test]
async fn password_meets_the_policy() {
    let f = Fixture::new().await;
    let refusals = [
        ("x7$kQ2p", PasswordRefusal::Short { length_min: 8 }),
        ("a.very.long.name@example.com", PasswordRefusal::OwnName),
        ("password1", PasswordRefusal::Guessable),
        (&"p".repeat(1025), PasswordRefusal::Long),
    ];
    for (password, refusal) in refusals {
        let new = NewUser {
            password: Some(SecretText::new(password.to_owned())),
            claims: claims(json!({"email": "a.very.long.name@example.com"})),
            ..named("alice")
        };
        let result = f.create(new).await;
        assert!(
            matches!(result, Err(CreateUserError::Password(why)) if why == refusal),
            "{result:?}"
        );
    }
    assert!(f.storage.load_login("alice").await.unwrap().is_none());
}

#[tokio::test]
async fn refused_account_leaves_nothing() {
    let f = Fixture::new().await;
    let bad_claim = NewUser {
        claims: claims(json!({"sub": "someone"})),
        ..named("alice")
    };
    assert!(matches!(
        f.create(bad_claim).await,
        Err(CreateUserError::Claim(_))
    ));
    let bad_group = NewUser {
        groups: vec![String::new()],
        ..named("alice")
    };
    assert!(matches!(
        f.create(bad_group).await,
        Err(CreateUserError::Claim(_))
    ));
    assert!(matches!(
        f.create(named("a\u{202e}b")).await,
        Err(CreateUserError::Username)
    ));
    assert!(f.storage.load_login("alice").await.unwrap().is_none());
}

/// A second after the fixture's accounts were made.
const LATER: Origin<'static> = Origin::Server(Timestamp::from_secs(1_800_000_001));

impl Fixture {
    async fn change(&self, id: UserId, changes: UserChanges) -> Result<User, UpdateUserError> {
        update_user(self.storage.as_ref(), id, &changes, LATER).await
    }

    async fn stored(&self, id: UserId) -> User {
        self.storage.load_user(id).await.unwrap().unwrap()
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
    assert_eq!(Value::Object(after.claims), json!({"email": "ally@example.com"}));
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
async fn registered_person_has_a_name_and_an_unproved_address_and_nothing_else() {
    let f = Fixture::new().await;
    let ctx = RequestContext {
        request_id: "request".to_owned(),
        client_ip: "192.0.2.1".parse().unwrap(),
        user_agent: None,
        now: NOW,
    };
    let register = |username: &str| {
        let registration = Registration {
            username: username.to_owned(),
            email: "a@example.com".to_owned(),
            password: SecretText::new("correct horse battery".to_owned()),
        };
        register_user(f.storage.as_ref(), &f.passwords, registration, &ctx, &f.rng)
    };
    let alice = register("alice").await.unwrap();
    assert_eq!(
        Value::Object(alice.claims.clone()),
        json!({"email": "a@example.com"})
    );
    assert!(alice.groups.is_empty() && !alice.is_admin && !alice.verified && alice.enabled);
    // An address that somebody has says nothing; a name must.
    register("bob").await.unwrap();
    assert!(matches!(register("ALICE").await, Err(CreateUserError::Taken)));
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
    let expected = json!({"name": "Ada", "phone_number": "+31 20 7654321"});
    assert_eq!(Value::Object(changed.claims), expected);
}

#[tokio::test]
async fn registrations_beyond_the_queue_are_told_so_and_leave_nothing() {
    let mut f = Fixture::new().await;
    f.passwords = PasswordPool::new(1, 1).unwrap();
    let new = |name: &str| {
        f.create(NewUser {
            password: Some(SecretText::new("correct horse battery".to_owned())),
            ..named(name)
        })
    };
    // One is at work and one may wait; each of the others finds both places taken.
    let (first, second, third, fourth) = tokio::join!(new("a"), new("b"), new("c"), new("d"));
    let results = [first, second, third, fourth];
    let made = results.iter().filter(|result| result.is_ok()).count();
    let is_busy = |result: &Result<User, CreateUserError>| {
        matches!(result, Err(CreateUserError::Hash(PasswordError::Busy)))
    };
    let refused = results.iter().filter(|result| is_busy(result)).count();
    assert!(refused > 0 && made + refused == results.len(), "{results:?}");
    let page = Page {
        after: None,
        limit: 10,
    };
    assert_eq!(f.storage.list_users(&page).await.unwrap().len(), made);
}
