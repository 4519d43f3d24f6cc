//! What is loaded: one table, swapped whole, so that a call sees one state of it from beginning to end.

use std::sync::Arc;

use arc_swap::ArcSwap;
use authly_core::{
    ids::ClientId,
    plugin::{DesiredPlugin, PluginDigest, PluginName},
    time::Timestamp,
};

use crate::{error::Refusal, generation::Generation, manifest::Manifest};

/// What stands for a desired plugin on this node.
pub(crate) enum Serving {
    /// This answers.
    Generation {
        current: Arc<Generation>,
        /// Answers where a young generation fails.
        predecessor: Option<Arc<Generation>>,
    },
    /// It is desired and could not be loaded, and nothing was there before. Calls fail, for every client if even its
    /// toml cannot be read: a mapper may be what keeps a claim out of a token.
    Broken { manifest: Option<Manifest> },
    /// Kept, but not run.
    Disabled,
}

/// One desired plugin.
pub(crate) struct Slot {
    pub name: PluginName,
    /// What storage desires.
    pub digest: PluginDigest,
    /// What it was before, newest first.
    pub previous: Vec<PluginDigest>,
    pub generation: i64,
    pub since: Timestamp,
    pub serving: Arc<Serving>,
    /// Why what is desired does not run.
    pub trouble: Option<Refusal>,
}

impl Slot {
    pub fn new(desired: &DesiredPlugin, serving: Arc<Serving>, trouble: Option<Refusal>) -> Self {
        Self {
            name: desired.name.clone(),
            digest: desired.active_digest,
            previous: desired.previous_digests.clone(),
            generation: desired.generation,
            since: desired.updated_at,
            serving,
            trouble,
        }
    }

    fn manifest(&self) -> Option<&Manifest> {
        match &*self.serving {
            Serving::Generation { current, .. } => Some(&current.manifest),
            Serving::Broken { manifest } => manifest.as_ref(),
            Serving::Disabled => None,
        }
    }

    /// Whether it takes part in this client's responses.
    pub fn serves(&self, client: &ClientId) -> bool {
        match &*self.serving {
            Serving::Disabled => false,
            _ => self
                .manifest()
                .is_none_or(|manifest| manifest.clients.contains(client)),
        }
    }

    /// Whether a response may go out without it.
    pub fn is_optional(&self) -> bool {
        self.manifest().is_some_and(|manifest| manifest.optional)
    }

    fn order(&self) -> i32 {
        self.manifest().map_or(0, |manifest| manifest.order)
    }
}

/// Every desired plugin, in the order of their calls.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Arc<Slot>>,
}

impl Table {
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.slots.iter()
    }

    pub fn find(&self, name: &PluginName) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.name == *name)
    }
}

/// The table in use. Only the reload path writes, one change at a time.
#[derive(Default)]
pub(crate) struct Registry(ArcSwap<Table>);

impl Registry {
    pub fn table(&self) -> Arc<Table> {
        self.0.load_full()
    }

    /// Puts a plugin in place of what had its name.
    pub fn put(&self, slot: Slot) {
        let mut slots = self.others(|name| *name != slot.name);
        slots.push(Arc::new(slot));
        slots.sort_by(|a, b| (a.order(), &a.name).cmp(&(b.order(), &b.name)));
        self.0.store(Arc::new(Table { slots }));
    }

    /// Forgets every plugin whose name is not kept.
    pub fn retain(&self, keep: impl Fn(&PluginName) -> bool) {
        let slots = self.others(&keep);
        if slots.len() != self.table().slots.len() {
            self.0.store(Arc::new(Table { slots }));
        }
    }

    fn others(&self, keep: impl Fn(&PluginName) -> bool) -> Vec<Arc<Slot>> {
        self.table()
            .iter()
            .filter(|slot| keep(&slot.name))
            .cloned()
            .collect()
    }
}
