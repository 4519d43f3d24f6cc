//! What is remembered of one tenant.
//!
//! A value may only be kept when nothing was forgotten since its load began: else a load that read just before a
//! change could put the old value back after the change was invalidated, and it would stay.

use std::sync::{Arc, PoisonError, RwLock};

use authly_core::{ClientId, Invalidation, Topic, client::Client, key::StoredKey, ports::ScopeDefinition};
use quick_cache::{Weighter, sync::Cache};

use super::standings::Standings;

/// What the clients remembered of a tenant may weigh, in bytes: about 40,000 of them. Those that are asked for least
/// make room.
pub(super) const CLIENTS_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// What the cache makes room for at first; it grows to its limit.
const FIRST_ROOM: usize = 64;

/// What a client takes beside itself and its texts: its place in the table, and the room of its lists.
const CLIENT_EXTRA: usize = 256;

/// A client's weight: about what it takes of memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<ClientId, Arc<Client>> for Bytes {
    fn weight(&self, id: &ClientId, client: &Arc<Client>) -> u64 {
        let texts = [
            Some(&client.name),
            client.jwks.as_ref(),
            client.jwks_uri.as_ref(),
            client.client_uri.as_ref(),
            client.policy_uri.as_ref(),
            client.tos_uri.as_ref(),
        ];
        let lists = [
            &client.redirect_uris,
            &client.post_logout_redirect_uris,
            &client.audiences,
            &client.introspection_audiences,
        ];
        // A text of a list has a length and a place beside its letters.
        let listed = lists
            .into_iter()
            .flatten()
            .map(|text| text.len() + size_of::<String>());
        let scopes = client
            .scopes
            .iter()
            .map(|scope| scope.as_str().len() + size_of::<String>());
        let letters: usize = texts.into_iter().flatten().map(String::len).sum();
        let bytes = size_of::<Client>()
            + CLIENT_EXTRA
            + 2 * id.as_str().len()
            + letters
            + listed.sum::<usize>()
            + scopes.sum::<usize>();
        bytes as u64
    }
}

/// Taken before a load, shown when its result is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) u64);

pub(super) struct Tables {
    content: RwLock<Content>,
    /// Changed while `content` is held, so that keeping and forgetting cannot overtake each other; read without it.
    clients: Cache<ClientId, Arc<Client>, Bytes>,
    /// How presented tokens stand.
    pub standings: Standings,
}

#[derive(Default)]
struct Content {
    /// Goes up whenever something is forgotten.
    generation: u64,
    scopes: Option<Arc<[ScopeDefinition]>>,
    keys: Option<Vec<StoredKey>>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            content: RwLock::default(),
            clients: Cache::with_weighter(FIRST_ROOM, CLIENTS_BYTES_MAX, Bytes),
            standings: Standings::default(),
        }
    }
}

impl Tables {
    pub fn ticket(&self) -> Ticket {
        Ticket(self.read(|c| c.generation))
    }

    pub fn client(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.clients.get(id)
    }

    pub fn scopes(&self) -> Option<Arc<[ScopeDefinition]>> {
        self.read(|c| c.scopes.clone())
    }

    pub fn keys(&self) -> Option<Vec<StoredKey>> {
        self.read(|c| c.keys.clone())
    }

    pub fn keep_client(&self, ticket: Ticket, client: &Arc<Client>) {
        self.keep(ticket, |_| {
            self.clients.insert(client.id.clone(), Arc::clone(client));
        });
    }

    pub fn keep_scopes(&self, ticket: Ticket, scopes: &Arc<[ScopeDefinition]>) {
        self.keep(ticket, |content| content.scopes = Some(Arc::clone(scopes)));
    }

    pub fn keep_keys(&self, ticket: Ticket, keys: &[StoredKey]) {
        self.keep(ticket, |content| content.keys = Some(keys.to_vec()));
    }

    /// Forgets what the invalidation names, if anything of its kind is remembered here.
    pub fn forget(&self, invalidation: &Invalidation) {
        self.standings.forget(invalidation);
        match invalidation.topic {
            Topic::Client => self.forget_client(&invalidation.key),
            Topic::Scope => self.forget_scopes(),
            Topic::Key => self.forget_keys(),
            Topic::User | Topic::Grant | Topic::AccessToken | Topic::Plugin => {}
        }
    }

    pub fn forget_client(&self, id: &str) {
        self.change(|_| {
            // A text that is no client_id names nothing that could be remembered.
            if let Ok(id) = ClientId::parse(id) {
                self.clients.remove(&id);
            }
        });
    }

    pub fn forget_scopes(&self) {
        self.change(|content| content.scopes = None);
    }

    pub fn forget_keys(&self) {
        self.change(|content| content.keys = None);
    }

    pub fn clear(&self) {
        self.change(|content| {
            self.clients.clear();
            content.scopes = None;
            content.keys = None;
        });
        self.standings.clear();
    }

    fn read<T>(&self, read: impl FnOnce(&Content) -> T) -> T {
        read(&self.content.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, ticket: Ticket, keep: impl FnOnce(&mut Content)) {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        if content.generation == ticket.0 {
            keep(&mut content);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.content.write().unwrap_or_else(PoisonError::into_inner);
        content.generation = content.generation.wrapping_add(1);
        change(&mut content);
    }
}
