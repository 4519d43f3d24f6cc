//! What a remembered grant and its person take of memory, by what they hold.

use authly_core::{
    claims_request::{ClaimsRequest, RequestedClaim},
    grant::Grant,
    user::User,
};
use serde_json::{Map, Value};

/// What a grant and its person take beside themselves and what they hold: a place in the table, and their counters.
const EXTRA: usize = 256;

/// How many entries a node of a map has room for, and how many are in it at least, when they came in order.
const NODE_ROOM: usize = 11;
const NODE_FILLED: usize = 6;

/// About what a grant and its person take of memory, in bytes.
pub(super) fn standing(grant: &Grant, user: &User) -> u64 {
    let bytes = EXTRA + size_of::<Grant>() + held_by_grant(grant) + size_of::<User>() + held_by_user(user);
    bytes as u64
}

fn held_by_grant(grant: &Grant) -> usize {
    let scopes: usize = grant
        .scope
        .iter()
        .map(|scope| size_of::<String>() + scope.as_str().len())
        .sum();
    let ClaimsRequest {
        userinfo,
        id_token,
        locales,
    } = &grant.claims;
    let asked: usize = userinfo
        .iter()
        .chain(id_token)
        .map(|(name, claim)| name.len() + held_by_request(claim))
        .sum();
    grant.client_id.as_str().len()
        + scopes
        + texts(&grant.amr)
        + texts(locales)
        + nodes::<RequestedClaim>(userinfo.len())
        + nodes::<RequestedClaim>(id_token.len())
        + asked
}

fn held_by_request(claim: &RequestedClaim) -> usize {
    claim.value.as_ref().map_or(0, held) + list(&claim.values)
}

fn held_by_user(user: &User) -> usize {
    user.username.len() + texts(&user.groups) + object(&user.claims)
}

/// What a value holds beside itself. No deeper than JSON is read.
fn held(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => list(values),
        Value::Object(members) => object(members),
    }
}

fn list(values: &Vec<Value>) -> usize {
    values.capacity() * size_of::<Value>() + values.iter().map(held).sum::<usize>()
}

fn object(members: &Map<String, Value>) -> usize {
    let inside: usize = members.iter().map(|(name, value)| name.len() + held(value)).sum();
    nodes::<Value>(members.len()) + inside
}

/// The nodes of a map: one of a single entry takes as much as a full one.
fn nodes<V>(entries: usize) -> usize {
    entries.div_ceil(NODE_FILLED) * NODE_ROOM * (size_of::<String>() + size_of::<V>())
}

fn texts(texts: &[String]) -> usize {
    texts.iter().map(|text| size_of::<String>() + text.len()).sum()
}
