//! Making and changing accounts, over the embedded database.
#![cfg(test)]

mod changes;

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use authly_accounts::{
    CreateUserError, NewUser, PasswordError, PasswordPool, PasswordRefusal, Registration, create_user,
    register_user,
};
use authly_core::{
    RequestContext, Rng, SecretBytes, SecretText, TenantId, Timestamp,
    ports::{Page, TenantStorage},
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
        json!({"email": "a@example.com", "email_verified": false})
    );
    assert!(alice.groups.is_empty() && !alice.is_admin && !alice.verified && alice.enabled);
    // An address that somebody has says nothing; a name must.
    register("bob").await.unwrap();
    assert!(matches!(register("ALICE").await, Err(CreateUserError::Taken)));
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
