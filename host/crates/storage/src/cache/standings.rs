//! How presented access tokens stand, remembered: that a `jti` was not revoked, and living grants with their people.
//!
//! Only what lets a token stand is remembered; whatever refuses one is asked of the database each time. A verb that
//! kills grants which it cannot name tells their owner instead: what was kept before is not believed any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use authly_core::{
    ClientId, GrantId, Invalidation, Topic, UserId, grant::Grant, ports::Standing, user::User,
};
use quick_cache::{UnitWeighter, Weighter, sync::Cache};
use uuid::Uuid;

use super::{tables::Ticket, weights};

/// The most identifiers of JWTs that are remembered as not revoked, about 150 bytes each.
pub(super) const JTIS_MAX: u64 = 100_000;
/// What the grants remembered with their people may weigh, in bytes: about 25,000 of them. A person is weighed with each
/// of their grants, which brings its own copy of them.
pub(super) const PEOPLE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The most owners whose grants are not believed; beyond it, all grants are forgotten.
const OWNERS_MAX: usize = 10_000;
/// What the caches make room for at first; they grow to their limits.
const FIRST_ROOM: usize = 64;

/// Whoever can make grants die that nobody names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A person: by a new password, by a sign-out everywhere, by deletion.
    User(UserId),
    /// A client: by deletion.
    Client(ClientId),
}

/// A living grant and its person, as they were at a generation.
#[derive(Clone)]
struct Kept {
    grant: Arc<Grant>,
    user: Arc<User>,
    generation: u64,
    /// Taken once: making room asks for it again.
    bytes: u64,
}

/// What a grant and its person weigh.
#[derive(Clone)]
struct Bytes;

impl Weighter<GrantId, Kept> for Bytes {
    fn weight(&self, _: &GrantId, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// What is remembered of one tenant's tokens.
pub(super) struct Standings {
    /// Goes up whenever something is forgotten. Held while something is kept or forgotten, so that the two cannot
    /// overtake each other; readers do not take it.
    generation: Mutex<u64>,
    jtis: Cache<String, ()>,
    people: Cache<GrantId, Kept, Bytes>,
    /// From which generation on the grants of an owner are believed again.
    owners: RwLock<HashMap<Owner, u64>>,
}

impl Default for Standings {
    fn default() -> Self {
        Self {
            generation: Mutex::default(),
            jtis: Cache::with_weighter(FIRST_ROOM, JTIS_MAX, UnitWeighter),
            people: Cache::with_weighter(FIRST_ROOM, PEOPLE_BYTES_MAX, Bytes),
            owners: RwLock::default(),
        }
    }
}

impl Standings {
    /// To be taken before a load whose answer is to be kept.
    pub fn ticket(&self) -> Ticket {
        Ticket(*self.generation.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer to the same question as [`load_standing`](authly_core::ports::AccessTokenStore::load_standing), if
    /// all of it is remembered.
    pub fn get(&self, jti: Option<&str>, grant: Option<GrantId>) -> Option<Standing> {
        if let Some(jti) = jti {
            self.jtis.get(jti)?;
        }
        let person = match grant {
            None => None,
            Some(id) => Some(self.person(id)?),
        };
        Some(Standing {
            is_jti_revoked: false,
            person,
        })
    }

    fn person(&self, id: GrantId) -> Option<(Arc<Grant>, Arc<User>)> {
        let kept = self.people.get(&id)?;
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let is_believed = |owner: Owner| owners.get(&owner).is_none_or(|from| kept.generation >= *from);
        let believed = owners.is_empty()
            || (is_believed(Owner::User(kept.grant.user_id))
                && is_believed(Owner::Client(kept.grant.client_id.clone())));
        believed.then_some((kept.grant, kept.user))
    }

    /// Keeps what lets the token stand, unless something was forgotten since the ticket.
    pub fn keep(&self, ticket: Ticket, jti: Option<&str>, standing: &Standing) {
        if standing.is_jti_revoked {
            return;
        }
        let person = standing.person.as_ref().filter(|(g, _)| g.revoked_at.is_none());
        let kept = person.map(|(grant, user)| Kept {
            grant: Arc::clone(grant),
            user: Arc::clone(user),
            generation: ticket.0,
            bytes: weights::standing(grant, user),
        });
        let generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *generation != ticket.0 {
            return;
        }
        if let Some(kept) = kept {
            self.people.insert(kept.grant.id, kept);
        }
        if let Some(jti) = jti {
            self.jtis.insert(jti.to_owned(), ());
        }
    }

    /// Forgets what the invalidation names.
    pub fn forget(&self, invalidation: &Invalidation) {
        let key = invalidation.key.as_str();
        match invalidation.topic {
            Topic::AccessToken => self.forget_jti(key),
            // A text that is no identifier names nothing that could be remembered.
            Topic::Grant => {
                if let Ok(id) = Uuid::parse_str(key) {
                    self.forget_grant(GrantId::from_uuid(id));
                }
            }
            Topic::User => {
                if let Ok(id) = Uuid::parse_str(key) {
                    self.forget_owner(Owner::User(UserId::from_uuid(id)));
                }
            }
            Topic::Client | Topic::Scope | Topic::Key | Topic::Plugin => {}
        }
    }

    pub fn forget_jti(&self, jti: &str) {
        self.change(|_| {
            self.jtis.remove(jti);
        });
    }

    pub fn forget_grant(&self, id: GrantId) {
        self.change(|_| {
            self.people.remove(&id);
        });
    }

    /// Forgets the grants of an owner, and the person themself.
    pub fn forget_owner(&self, owner: Owner) {
        self.change(|generation| {
            let mut owners = self.owners.write().unwrap_or_else(PoisonError::into_inner);
            if owners.len() >= OWNERS_MAX {
                owners.clear();
                self.people.clear();
            }
            owners.insert(owner, generation);
        });
    }

    pub fn clear(&self) {
        self.change(|_| {
            self.jtis.clear();
            self.people.clear();
            self.owners
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .clear();
        });
    }

    /// Changes what is remembered, in a new generation.
    fn change(&self, change: impl FnOnce(u64)) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        *generation = generation.wrapping_add(1);
        change(*generation);
    }
}
