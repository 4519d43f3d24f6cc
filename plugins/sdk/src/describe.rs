//! What a plugin says of itself.

use crate::bindings::exports::authly::plugin::meta;

/// Who a plugin is and what it asks for.
#[derive(Clone, Debug)]
pub struct Description(meta::Description);

impl Description {
    /// `id` is stable, e.g. `attribute-claims`; `name` is for people.
    pub fn new(id: &str, name: &str, version: &str) -> Self {
        Self(meta::Description {
            id: id.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
            vendor: None,
            config_schema: None,
            capabilities: Vec::new(),
            extra: "{}".to_owned(),
        })
    }

    /// Who made it.
    #[must_use]
    pub fn vendor(mut self, vendor: &str) -> Self {
        self.0.vendor = Some(vendor.to_owned());
        self
    }

    /// A JSON Schema (2020-12) of the configuration, for tools.
    #[must_use]
    pub fn config_schema(mut self, schema: &str) -> Self {
        self.0.config_schema = Some(schema.to_owned());
        self
    }

    /// Asks for something the operator has to grant.
    #[must_use]
    pub fn asks_for(mut self, name: &str, reason: &str, values: &[&str]) -> Self {
        self.0.capabilities.push(meta::CapabilityRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            values: values.iter().map(|&v| v.to_owned()).collect(),
        });
        self
    }
}

impl From<Description> for meta::Description {
    fn from(description: Description) -> Self {
        description.0
    }
}
