//! What is remembered of presented tokens, and what makes a node forget it.

use authly_core::{
    Effects, GrantId, Invalidation, ScopeSet, SessionId, Topic, UserId,
    claims_request::{ClaimsRequest, RequestedClaim},
    grant::Grant,
    ports::Standing,
    user::User,
};
use serde_json::json;
use uuid::Uuid;

use super::super::{
    standings::{JTIS_MAX, Owner, PEOPLE_BYTES_MAX, Standings},
    weights,
};
use super::fixture::{Fixture, client};
use super::*;

pub fn grant(id: u128) -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(id))
}

pub fn person() -> UserId {
    UserId::from_uuid(Uuid::from_u128(7))
}

/// A token of a living grant of [`person`] to [`client`].
pub fn standing(id: u128) -> Standing {
    let at = Timestamp::from_secs(1);
    let grant = Grant {
        id: grant(id),
        client_id: client().id,
        user_id: person(),
        scope: ScopeSet::default(),
        auth_time: at,
        amr: Vec::new(),
        claims: ClaimsRequest::default(),
        session_id: Some(SessionId::from_uuid(Uuid::from_u128(9))),
        created_at: at,
        expires_at: at,
        revoked_at: None,
    };
    let user = User {
        id: person(),
        username: "alice".to_owned(),
        claims: serde_json::Map::new(),
        groups: Vec::new(),
        is_admin: false,
        enabled: true,
        pseudonym: Uuid::from_u128(8),
        created_at: at,
        updated_at: at,
        verified: false,
        requires_password_change: false,
        password_changed_at: None,
        last_login_at: None,
        version: 0,
    };
    Standing {
        is_jti_revoked: false,
        person: Some((Arc::new(grant), Arc::new(user))),
    }
}

/// Remembers tokens `a` and `b` of grants 1 and 2.
fn remembering() -> Standings {
    let standings = Standings::default();
    for (jti, id) in [("a", 1), ("b", 2)] {
        standings.keep(standings.ticket(), Some(jti), &standing(id));
    }
    standings
}

fn known(standings: &Standings) -> [bool; 2] {
    [("a", 1), ("b", 2)].map(|(jti, id)| standings.get(Some(jti), Some(grant(id))).is_some())
}

#[test]
fn what_lets_a_token_stand_is_remembered() {
    let standings = remembering();
    assert_eq!(standings.get(Some("a"), Some(grant(1))), Some(standing(1)));
    assert_eq!(
        standings.get(None, Some(grant(1))),
        Some(standing(1)),
        "an opaque token"
    );
    assert_eq!(
        standings.get(Some("a"), None),
        Some(Standing::default()),
        "a client's own"
    );
    assert_eq!(standings.get(Some("c"), Some(grant(1))), None);
    assert_eq!(standings.get(Some("a"), Some(grant(3))), None);
}

#[test]
fn what_refuses_a_token_is_not() {
    let standings = Standings::default();
    let revoked = Standing {
        is_jti_revoked: true,
        ..standing(1)
    };
    standings.keep(standings.ticket(), Some("a"), &revoked);
    assert_eq!(known(&standings), [false; 2]);
    assert_eq!(standings.get(Some("a"), None), None);
    let mut dead = standing(1);
    if let Some((grant, _)) = &mut dead.person {
        Arc::make_mut(grant).revoked_at = Some(Timestamp::from_secs(2));
    }
    standings.keep(standings.ticket(), Some("a"), &dead);
    assert_eq!(standings.get(None, Some(grant(1))), None);
}

#[test]
fn each_invalidation_forgets_what_it_names() {
    let person = person().to_string();
    for (topic, key, left) in [
        (Topic::AccessToken, "a", [false, true]),
        (Topic::Grant, &grant(2).to_string(), [true, false]),
        (Topic::User, &person, [false, false]),
        (Topic::Grant, "no identifier", [true, true]),
        (Topic::User, &grant(1).to_string(), [true, true]),
    ] {
        let standings = remembering();
        let key = key.to_owned();
        standings.forget(&Invalidation { topic, key });
        assert_eq!(known(&standings), left, "{topic:?}");
    }
}

#[test]
fn grants_of_an_owner_are_believed_again_once_they_are_loaded_again() {
    for owner in [Owner::User(person()), Owner::Client(client().id)] {
        let standings = remembering();
        standings.forget_owner(owner);
        assert_eq!(known(&standings), [false; 2]);
        standings.keep(standings.ticket(), Some("a"), &standing(1));
        assert_eq!(known(&standings), [true, false]);
    }
}

#[test]
fn load_that_began_before_a_change_is_not_kept() {
    let standings = Standings::default();
    let ticket = standings.ticket();
    standings.forget_jti("another");
    standings.keep(ticket, Some("a"), &standing(1));
    assert_eq!(known(&standings), [false; 2]);
}

#[test]
fn identifiers_are_bounded() {
    let standings = Standings::default();
    let ticket = standings.ticket();
    for n in 0..=JTIS_MAX {
        standings.keep(ticket, Some(&n.to_string()), &Standing::default());
    }
    let tokens = (0..=JTIS_MAX).filter(|n| standings.get(Some(&n.to_string()), None).is_some());
    assert!(tokens.count() as u64 <= JTIS_MAX);
}

/// As [`standing`], of a person with these claims.
fn standing_with(id: u128, claims: &serde_json::Value) -> Standing {
    let mut standing = standing(id);
    if let Some((_, user)) = &mut standing.person {
        Arc::make_mut(user).claims = claims.as_object().unwrap().clone();
    }
    standing
}

fn kept_of(count: u64, claims: &serde_json::Value) -> u64 {
    let standings = Standings::default();
    let ticket = standings.ticket();
    for n in 0..count {
        standings.keep(ticket, None, &standing_with(n.into(), claims));
    }
    (0..count)
        .filter(|n| standings.get(None, Some(grant(u128::from(*n)))).is_some())
        .count() as u64
}

#[test]
fn what_grants_and_people_weigh_is_limited() {
    // One person with as many claims as an account may have, and a grant for each of many sign-ins.
    let claims = json!({ "about": "a".repeat(16 * 1024) });
    let most = PEOPLE_BYTES_MAX / (16 * 1024);
    let kept = kept_of(most + 1, &claims);
    assert!((most / 2..most).contains(&kept), "{kept} of {most}");
}

#[test]
fn twenty_thousand_usual_grants_are_remembered() {
    let claims = json!({
        "name": "Alice Example",
        "given_name": "Alice",
        "family_name": "Example",
        "email": "alice@example.com",
        "email_verified": true,
        "department": "Research",
    });
    assert_eq!(kept_of(20_000, &claims), 20_000);
}

type Change<'a> = &'a dyn Fn(&mut Grant, &mut User);

#[test]
fn everything_a_grant_holds_weighs() {
    let weight = |change: Change<'_>| {
        let (mut grant, mut user) = standing(1).person.unwrap();
        change(Arc::make_mut(&mut grant), Arc::make_mut(&mut user));
        weights::standing(&grant, &user)
    };
    let (nothing, text) = (weight(&|_, _| {}), "a".repeat(1_000));
    let asked = RequestedClaim {
        values: vec![json!(text)],
        ..RequestedClaim::default()
    };
    let changes: [Change<'_>; 6] = [
        &|grant, _| grant.amr.push(text.clone()),
        &|grant, _| grant.claims.locales.push(text.clone()),
        &|grant, _| {
            grant.claims.userinfo.insert("a".to_owned(), asked.clone());
        },
        &|grant, _| {
            grant
                .claims
                .id_token
                .insert(text.clone(), RequestedClaim::default());
        },
        &|_, user| user.groups.push(text.clone()),
        &|_, user| {
            user.claims.insert("a".to_owned(), json!([{ "b": text }]));
        },
    ];
    for (i, change) in changes.into_iter().enumerate() {
        assert!(weight(change) >= nothing + 1_000, "{i}");
    }
    // Short as text, and each with a node of its own.
    let small = json!({ "a": vec![json!({ "a": 0 }); 2_000] });
    let small = weight(&|_, user| user.claims = small.as_object().unwrap().clone());
    assert!(small > 1_000_000, "{small}");
}

#[test]
fn owners_that_are_not_believed_are_bounded_too() {
    let standings = remembering();
    for n in 100..11_000 {
        standings.forget_owner(Owner::User(UserId::from_uuid(Uuid::from_u128(n))));
    }
    assert_eq!(
        known(&standings),
        [false; 2],
        "all grants went rather than a warning"
    );
    standings.keep(standings.ticket(), None, &standing(1));
    assert!(standings.get(None, Some(grant(1))).is_some());
}

#[tokio::test]
async fn revocation_is_seen_at_once_here_and_after_a_poll_elsewhere() {
    let f = Fixture::new().await;
    f.poll().await.unwrap();
    let is_revoked = async || {
        f.here
            .load_standing(Some("j"), None)
            .await
            .unwrap()
            .is_jti_revoked
    };
    assert!(!is_revoked().await);
    let told = || Effects::none().invalidating(Topic::AccessToken, "j");
    let at = Timestamp::from_secs(1);
    f.elsewhere.revoke_jti("j", at, told()).await.unwrap();
    assert!(!is_revoked().await, "not polled yet");
    f.poll().await.unwrap();
    assert!(is_revoked().await);

    let is_revoked = async || {
        f.here
            .load_standing(Some("k"), None)
            .await
            .unwrap()
            .is_jti_revoked
    };
    assert!(!is_revoked().await);
    f.here.revoke_jti("k", at, Effects::none()).await.unwrap();
    assert!(is_revoked().await, "its own");
}
