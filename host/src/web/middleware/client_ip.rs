//! The client's address: the peer's, or what a trusted proxy vouches for.
//!
//! A proxy appends the address it saw, so the list is read from its right end: each trusted address vouches for the
//! one to its left, and the first that is not trusted is the client. Everything further left is the client's own text.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What else proxies add when they pass a request on, the address or not.
const ADDED_BY_PROXIES: [&str; 6] = [
    "via",
    "x-real-ip",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
];

/// The longest chain of proxies that is followed.
const HOPS_MAX: usize = 32;

/// The address to hold responsible for the request.
///
/// `Forwarded` (RFC 7239) and `X-Forwarded-For` are believed only from a peer in `trusted`. When both are there and
/// disagree, one of them is not the proxy's but the client's, and nobody can say which: the peer's address it is.
pub fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let by_x = headers
        .contains_key(&X_FORWARDED_FOR)
        .then(|| walk(peer, &list(headers, &X_FORWARDED_FOR), trusted));
    let by_forwarded = headers.contains_key(FORWARDED).then(|| {
        let hops: Vec<_> = list(headers, &FORWARDED).into_iter().map(forwarded_for).collect();
        walk(peer, &hops, trusted)
    });
    match (by_x, by_forwarded) {
        (Some(a), Some(b)) if a != b => peer,
        (Some(ip), _) | (None, Some(ip)) => ip,
        (None, None) => peer,
    }
}

/// Whether a proxy that nobody vouches for passed the request on: the address is the proxy's then, not the client's.
/// Many proxies stand on the same machine, and their address must not be taken for an operator's.
pub fn is_behind_a_stranger(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
    let names_client = headers.contains_key(&X_FORWARDED_FOR) || headers.contains_key(FORWARDED);
    let is_passed_on = names_client || ADDED_BY_PROXIES.iter().any(|name| headers.contains_key(*name));
    // A trusted one that names nobody leaves its own address, which is not the client's either.
    is_passed_on && !(names_client && is_trusted(peer.to_canonical(), trusted))
}

/// Follows the chain from its right end. An entry that is no address ends it at the last known one.
fn walk(peer: IpAddr, hops: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut known = peer;
    for hop in hops.iter().rev().take(HOPS_MAX) {
        if !is_trusted(known, trusted) {
            break;
        }
        let Some(ip) = parse_node(hop) else { break };
        known = ip;
    }
    known
}

fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&ip))
}

/// The comma-separated entries of all lines of a header, in order.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers
        .get_all(name)
        .iter()
        .map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// The `for` parameter of one `Forwarded` element; empty when it has none.
fn forwarded_for(element: &str) -> &str {
    element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .map_or("", |(_, value)| value.trim().trim_matches('"'))
}

/// An address with or without a port; IPv6 with or without brackets.
fn parse_node(node: &str) -> Option<IpAddr> {
    let bare = node
        .strip_prefix('[')
        .and_then(|n| n.strip_suffix(']'))
        .unwrap_or(node);
    let ip = bare
        .parse::<IpAddr>()
        .or_else(|_| node.parse::<SocketAddr>().map(|socket| socket.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        client_ip(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    const X: &str = "x-forwarded-for";

    #[test]
    fn a_peer_that_is_not_trusted_speaks_for_itself_only() {
        assert_eq!(
            client("192.0.2.1", &[(X, "127.0.0.1"), ("forwarded", "for=127.0.0.1")]),
            "192.0.2.1"
        );
        assert_eq!(client("::ffff:192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        assert_eq!(
            client("10.0.0.1", &[(X, "127.0.0.1, 192.0.2.7, 10.0.0.2")]),
            "192.0.2.7"
        );
        assert_eq!(
            client("10.0.0.1", &[(X, "1.1.1.1"), (X, "192.0.2.8:4711")]),
            "192.0.2.8"
        );
        assert_eq!(client("fd00::1", &[(X, "[2001:db8::5]:80")]), "2001:db8::5");
        assert_eq!(client("::ffff:10.0.0.1", &[(X, "::ffff:192.0.2.9")]), "192.0.2.9");
        assert_eq!(
            client("10.0.0.1", &[(X, "10.0.0.9")]),
            "10.0.0.9",
            "a chain of proxies only"
        );
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn nonsense_ends_the_chain_at_the_last_known_address() {
        for nonsense in ["", "unknown", "_hidden", "192.0.2.1, nonsense", "192.0.2.1, "] {
            assert_eq!(client("10.0.0.1", &[(X, nonsense)]), "10.0.0.1", "{nonsense}");
        }
    }

    #[test]
    fn forwarded_is_read_and_a_contradiction_is_not_believed() {
        let forwarded = r#"for=1.1.1.1, For="[2001:db8::7]:4711";proto=https, for=10.0.0.3"#;
        assert_eq!(client("10.0.0.1", &[("forwarded", forwarded)]), "2001:db8::7");
        assert_eq!(
            client("10.0.0.1", &[(X, "192.0.2.1"), ("forwarded", "for=192.0.2.1")]),
            "192.0.2.1"
        );
        assert_eq!(
            client("10.0.0.1", &[(X, "192.0.2.1"), ("forwarded", "for=192.0.2.2")]),
            "10.0.0.1"
        );
    }

    #[test]
    fn a_chain_has_a_longest_length() {
        let chain = format!("192.0.2.1, {}", vec!["10.0.0.5"; HOPS_MAX].join(", "));
        assert_eq!(client("10.0.0.1", &[(X, &chain)]), "10.0.0.5");
    }
}
