//! `name.toml`, the file beside a component: which hooks it serves, for whom, in which order, with what configuration.
//! It can narrow the server's policy and limits, never widen them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use authly_core::{ids::ClientId, plugin::PluginName};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::{
    error::Refusal,
    imports::config::PluginConfig,
    limits::{CallLimits, Limits},
    policy::{ClaimGrants, Policy},
};

/// The only hook of this version.
const CLAIM_MAPPER: &str = "claim-mapper";
/// Where a plugin stands that says nothing.
const ORDER_DEFAULT: i32 = 100;

/// What a toml came to, policy and limits applied.
#[derive(Debug, PartialEq)]
pub(crate) struct Manifest {
    pub order: i32,
    pub optional: bool,
    pub clients: Clients,
    pub claims: ClaimGrants,
    pub limits: CallLimits,
    pub config: Arc<PluginConfig>,
}

/// Whose tokens a plugin shapes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    All,
    Only(BTreeSet<ClientId>),
}

impl Clients {
    pub fn contains(&self, id: &ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawManifest {
    hooks: Option<Vec<String>>,
    order: Option<i32>,
    optional: bool,
    clients: Option<RawClients>,
    grants: RawGrants,
    limits: RawLimits,
    config: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of client ids")]
enum RawClients {
    Word(String),
    List(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawGrants {
    claims: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLimits {
    cpu_ms: Option<u64>,
    wall_ms: Option<u64>,
    memory_bytes: Option<usize>,
    concurrency: Option<u32>,
}

impl Manifest {
    /// Reads a toml and holds it against policy and limits.
    pub fn parse(toml: &str, name: &PluginName, policy: &Policy, limits: &Limits) -> Result<Self, Refusal> {
        let raw: RawManifest = toml::from_str(toml)
            .map_err(|error| Refusal::by_server(format!("{name}.toml: {}", one_line(&error))))?;
        // Another policy, or a version that knows more, may take the same toml.
        let wrong = |key: &str, what: String| Refusal::by_server(format!("{name}.toml: {key}: {what}"));
        check_hooks(raw.hooks.as_deref()).map_err(|what| wrong("hooks", what))?;
        Ok(Self {
            order: raw.order.unwrap_or(ORDER_DEFAULT),
            optional: raw.optional,
            clients: clients(raw.clients).map_err(|what| wrong("clients", what))?,
            claims: claims(raw.grants.claims.as_deref(), policy.claims(name))
                .map_err(|what| wrong("grants.claims", what))?,
            limits: narrowed(&raw.limits, limits).map_err(|what| wrong("limits", what))?,
            config: Arc::new(PluginConfig::new(
                json_table(raw.config).map_err(|what| wrong("config", what))?,
            )),
        })
    }

    /// Whether what `earlier` was allowed or told was taken back or changed since. Then it must not answer in place
    /// of its successor: that would be a way around the operator's new word.
    pub fn narrows(&self, earlier: &Self) -> bool {
        let fewer_claims = !earlier.claims.is_within(&self.claims);
        let lower_limits = !earlier.limits.is_within(&self.limits);
        fewer_claims || lower_limits || self.config != earlier.config || self.clients != earlier.clients
    }
}

/// Where and what, without the picture of the line.
fn one_line(error: &toml::de::Error) -> String {
    let picture = error.to_string();
    let place = picture.lines().next().unwrap_or_default();
    if place == error.message() {
        return place.to_owned();
    }
    format!("{place}: {}", error.message())
}

fn check_hooks(hooks: Option<&[String]>) -> Result<(), String> {
    let Some(hooks) = hooks else { return Ok(()) };
    if hooks.is_empty() {
        return Err(format!("is empty; remove it or name \"{CLAIM_MAPPER}\""));
    }
    match hooks.iter().find(|hook| *hook != CLAIM_MAPPER) {
        Some(other) => Err(format!(
            "\"{other}\" is not a hook of this server; it offers \"{CLAIM_MAPPER}\""
        )),
        None => Ok(()),
    }
}

fn clients(raw: Option<RawClients>) -> Result<Clients, String> {
    match raw {
        None => Ok(Clients::All),
        Some(RawClients::Word(word)) if word == "all" => Ok(Clients::All),
        Some(RawClients::Word(word)) => Err(format!("\"{word}\": expected \"all\" or a list of client ids")),
        Some(RawClients::List(ids)) => ids
            .iter()
            .map(|id| ClientId::parse(id).map_err(|error| format!("\"{id}\": {error}")))
            .collect::<Result<_, _>>()
            .map(Clients::Only),
    }
}

fn claims(asked: Option<&[String]>, allowed: &ClaimGrants) -> Result<ClaimGrants, String> {
    let Some(asked) = asked else {
        return Ok(allowed.clone());
    };
    let grants = ClaimGrants::parse(asked).map_err(|error| error.to_string())?;
    match grants.first_outside(allowed) {
        Some(outside) => Err(format!(
            "\"{outside}\" is more than the server's configuration allows this plugin"
        )),
        None => Ok(grants),
    }
}

fn narrowed(raw: &RawLimits, limits: &Limits) -> Result<CallLimits, String> {
    let all = CallLimits::of(limits);
    let zero = raw.cpu_ms == Some(0) || raw.wall_ms == Some(0) || raw.concurrency == Some(0);
    if zero {
        return Err("a limit of 0 would stop every call; disable the plugin instead".to_owned());
    }
    let lower = |ms: Option<u64>, most: Duration| ms.map_or(most, |ms| most.min(Duration::from_millis(ms)));
    Ok(CallLimits {
        cpu: lower(raw.cpu_ms, all.cpu),
        wall: lower(raw.wall_ms, all.wall),
        memory_bytes: raw.memory_bytes.unwrap_or(usize::MAX).min(all.memory_bytes),
        concurrency: raw.concurrency.unwrap_or(u32::MAX).min(all.concurrency),
    })
}

fn json_table(table: toml::Table) -> Result<Map<String, Value>, String> {
    table
        .into_iter()
        .map(|(key, value)| Ok((key, json(value)?)))
        .collect()
}

fn json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(integer) => Value::from(integer),
        toml::Value::Float(float) => {
            Value::Number(Number::from_f64(float).ok_or_else(|| format!("{float} is not a JSON number"))?)
        }
        toml::Value::Boolean(value) => Value::Bool(value),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(json_table(table)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(toml: &str) -> Result<Manifest, String> {
        let name = PluginName::parse("p").unwrap();
        Manifest::parse(toml, &name, &Policy::default(), &Limits::default())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_toml_means_every_client_and_whatever_the_policy_allows() {
        let manifest = parse("").unwrap();
        assert_eq!((manifest.order, manifest.optional), (100, false));
        assert_eq!(manifest.clients, Clients::All);
        assert_eq!(manifest.claims, ClaimGrants::namespaced());
        assert_eq!(manifest.config.json(), "{}");
    }

    #[test]
    fn a_toml_says_everything_once() {
        let manifest = parse(
            "hooks = [\"claim-mapper\"]\norder = 5\noptional = true\nclients = [\"a\", \"b\"]\n\
             [grants]\nclaims = [\"https://e.com/*\"]\n[limits]\ncpu_ms = 5\nwall_ms = 9999999\n\
             [config]\na = [1, 2.5, true, { b = \"c\" }]\nd = 2026-01-02T03:04:05Z\n",
        )
        .unwrap();
        assert_eq!((manifest.order, manifest.optional), (5, true));
        assert!(manifest.clients.contains(&ClientId::parse("a").unwrap()));
        assert!(!manifest.clients.contains(&ClientId::parse("c").unwrap()));
        assert_eq!(manifest.limits.cpu, Duration::from_millis(5));
        assert_eq!(
            manifest.limits.wall,
            Limits::default().wall,
            "a limit is never raised"
        );
        assert_eq!(
            manifest.config.json(),
            r#"{"a":[1,2.5,true,{"b":"c"}],"d":"2026-01-02T03:04:05Z"}"#
        );
    }

    #[test]
    fn a_toml_can_only_narrow() {
        let cases = [
            (
                "[grants]\nclaims = [\"department\"]",
                "more than the server's configuration allows",
            ),
            ("[grants]\nclaims = [\"sub\"]", "belongs to the protocol"),
            ("[grants]\nhttp = [\"x\"]", "unknown field `http`"),
            ("hooks = [\"consent-policy\"]", "is not a hook of this server"),
            ("hooks = []", "is empty"),
            ("clients = \"some\"", "expected \"all\" or a list of client ids"),
            ("clients = 7", "expected \"all\" or a list of client ids"),
            ("clients = [\"a b\"]", "printable ASCII"),
            ("limits.cpu_ms = 0", "disable the plugin instead"),
            ("colour = 1", "unknown field `colour`"),
            ("[config]\na = nan", "not a JSON number"),
        ];
        for (toml, expected) in cases {
            let error = parse(toml).unwrap_err();
            assert!(
                error.starts_with("p.toml: ") && error.contains(expected),
                "{toml}: {error}"
            );
        }
    }

    #[test]
    fn narrowing_is_noticed() {
        let old = parse("[grants]\nclaims = [\"https://e.com/*\"]").unwrap();
        assert!(!parse("").unwrap().narrows(&old), "more is not less");
        for toml in [
            "[grants]\nclaims = [\"https://e.com/a\"]",
            "[limits]\ncpu_ms = 1",
            "[limits]\nwall_ms = 1",
            "[limits]\nmemory_bytes = 1",
            "[limits]\nconcurrency = 1",
            "clients = [\"a\"]",
            "[config]\na = 1",
        ] {
            assert!(parse(toml).unwrap().narrows(&old), "{toml}");
        }
    }
}
