//! What is remembered of one tenant.
//!
//! A value may only be kept when nothing was forgotten since its load began: else a load that read just before a
//! change could put the old value back after the change was invalidated, and it would stay.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use authly_core::{ClientId, Invalidation, Topic, client::Client, key::StoredKey, ports::ScopeDefinition};

use super::standings::Standings;

/// The most clients remembered of a tenant; beyond it, any one of them makes room.
pub(super) const CLIENTS_MAX: usize = 10_000;

/// Taken before a load, shown when its result is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(pub(super) u64);

#[derive(Default)]
pub(super) struct Tables {
    content: RwLock<Content>,
    /// How presented tokens stand.
    pub standings: Standings,
}

#[derive(Default)]
struct Content {
    /// Goes up whenever something is forgotten.
    generation: u64,
    clients: HashMap<ClientId, Arc<Client>>,
    scopes: Option<Arc<[ScopeDefinition]>>,
    keys: Option<Vec<StoredKey>>,
}

impl Tables {
    pub fn ticket(&self) -> Ticket {
        Ticket(self.read(|c| c.generation))
    }

    pub fn client(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.read(|c| c.clients.get(id).cloned())
    }

    pub fn scopes(&self) -> Option<Arc<[ScopeDefinition]>> {
        self.read(|c| c.scopes.clone())
    }

    pub fn keys(&self) -> Option<Vec<StoredKey>> {
        self.read(|c| c.keys.clone())
    }

    pub fn keep_client(&self, ticket: Ticket, client: &Arc<Client>) {
        self.keep(ticket, |content| {
            if content.clients.len() >= CLIENTS_MAX && !content.clients.contains_key(&client.id) {
                let evicted = content.clients.keys().next().cloned();
                evicted.map(|id| content.clients.remove(&id));
            }
            content.clients.insert(client.id.clone(), Arc::clone(client));
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
        self.change(|content| {
            // A text that is no client_id names nothing that could be remembered.
            if let Ok(id) = ClientId::parse(id) {
                content.clients.remove(&id);
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
            content.clients.clear();
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
