//! `[server]`: the limits of the HTTP edge and whom it believes.

use ipnet::IpNet;

use super::{
    key::{Key, Kind},
    reader::Reader,
};
use crate::web::{ServerLimits, middleware::rate_limit::RateLimit};

const TRUSTED_PROXIES: Key = Key::new(
    "server.trusted_proxies",
    Kind::List("addresses or CIDR ranges"),
    "[\"10.0.0.0/8\", \"::1\"]",
    "Peers whose `X-Forwarded-For` or `Forwarded` header is believed. Empty: the client's address is always the \
     peer's. Name your own proxies only: whoever is in this list can claim any address, and with it evade the login \
     throttle.",
);
const CONNECTIONS_MAX: Key = Key::integer(
    "server.connections_max",
    (1, 1_000_000),
    "8192",
    "Open connections. At the cap new ones wait in the kernel's backlog.",
);
const CONNECTIONS_PER_ADDRESS_MAX: Key = Key::integer(
    "server.connections_per_address_max",
    (1, 1_000_000),
    "256",
    "Open connections of one address; an IPv6 /64 counts as one. More are closed at once. Peers in \
     `server.trusted_proxies` have no such cap, so name your reverse proxies there.",
);
const FIRST_BYTE_TIMEOUT: Key = Key::seconds(
    "server.first_byte_timeout",
    (1, 60),
    "5s",
    "From the accept until it is known which HTTP version the peer speaks.",
);
const HEADER_TIMEOUT: Key = Key::seconds(
    "server.header_timeout",
    (1, 300),
    "10s",
    "For one HTTP/1 request head; also how long a kept-alive connection may stay idle. A reverse proxy in front \
     should drop idle connections earlier than this.",
);
const HEADERS_MAX: Key = Key::integer(
    "server.headers_max",
    (16, 1_000),
    "64",
    "Header fields of one request.",
);
const HEADER_BYTES_MAX: Key = Key::new(
    "server.header_bytes_max",
    Kind::Size {
        min: ServerLimits::HEADER_BYTES_MIN as u64,
        max: 1 << 20,
    },
    "",
    "Size of one request head.",
)
.default("16KiB");
const BODY_TIMEOUT: Key = Key::seconds(
    "server.body_timeout",
    (1, 300),
    "10s",
    "For the whole request body, however it trickles.",
);
const WRITE_TIMEOUT: Key = Key::seconds(
    "server.write_timeout",
    (1, 300),
    "30s",
    "How long a peer may take nothing of an answer before its connection is given up.",
);
const REQUEST_TIMEOUT: Key = Key::seconds(
    "server.request_timeout",
    (1, 300),
    "20s",
    "From the end of the request head to the head of the response. Keep it longer than the deadlines of the \
     database and of plugins together: those answer better than this one.",
);
const AUTHORIZE_RATE: Key = Key::integer(
    "server.authorize_rate_per_minute",
    (1, 1_000_000),
    "300",
    "Authorization requests and registrations of one client address in the long run; an IPv6 /64 counts as one. Each \
     may store something, whoever sends it. Beyond it the answer is 429 with `Retry-After`. Behind a reverse proxy that \
     is not in `server.trusted_proxies` all clients share one address.",
);
const AUTHORIZE_BURST: Key = Key::integer(
    "server.authorize_burst",
    (1, 1_000_000),
    "300",
    "How many of them may come at once after a pause.",
);
const METRICS_ALLOW: Key = Key::new(
    "server.metrics_allow",
    Kind::List("addresses or CIDR ranges"),
    "[\"127.0.0.0/8\", \"::1\", \"10.20.0.0/16\"]",
    "Client addresses that may read `/metrics`; for others there is nothing at that path. A request that was passed on \
     by a proxy which is not in `server.trusted_proxies` is never answered: nobody knows whose it is.",
)
.default("127.0.0.0/8,::1");
const IDLE_TIMEOUT: Key = Key::seconds(
    "server.idle_timeout",
    (1, 3_600),
    "1m",
    "How long a connection may be without a request under way before it is asked to end. For HTTP/1 \
     `server.header_timeout` counts as well.",
);
const CONNECTION_AGE_MAX: Key = Key::seconds(
    "server.connection_age_max",
    (10, 86_400),
    "1h",
    "After this a connection is asked to end.",
);
const DRAIN_TIMEOUT: Key = Key::seconds(
    "server.drain_timeout",
    (1, 600),
    "25s",
    "How long requests under way may take once the server is told to stop (SIGTERM). Keep it below the time after \
     which your service manager kills.",
);
const HTTP2_STREAMS_MAX: Key = Key::integer(
    "server.http2_streams_max",
    (1, 10_000),
    "128",
    "Concurrent requests of one HTTP/2 connection.",
);
const HTTP2_PING_INTERVAL: Key = Key::seconds(
    "server.http2_ping_interval",
    (1, 600),
    "20s",
    "How often an HTTP/2 peer must prove that it is there.",
);
const HTTP2_PING_TIMEOUT: Key = Key::seconds(
    "server.http2_ping_timeout",
    (1, 600),
    "10s",
    "How long it may take for that.",
);

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &TRUSTED_PROXIES,
    &CONNECTIONS_MAX,
    &CONNECTIONS_PER_ADDRESS_MAX,
    &FIRST_BYTE_TIMEOUT,
    &HEADER_TIMEOUT,
    &HEADERS_MAX,
    &HEADER_BYTES_MAX,
    &BODY_TIMEOUT,
    &WRITE_TIMEOUT,
    &REQUEST_TIMEOUT,
    &AUTHORIZE_RATE,
    &AUTHORIZE_BURST,
    &METRICS_ALLOW,
    &IDLE_TIMEOUT,
    &CONNECTION_AGE_MAX,
    &DRAIN_TIMEOUT,
    &HTTP2_STREAMS_MAX,
    &HTTP2_PING_INTERVAL,
    &HTTP2_PING_TIMEOUT,
];

/// The checked section.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Deadlines and caps.
    pub limits: ServerLimits,
}

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> ServerConfig {
    let trusted_proxies = reader.list(&TRUSTED_PROXIES, parse_network);
    ServerConfig {
        limits: ServerLimits {
            connections_max: reader.integer(&CONNECTIONS_MAX),
            connections_per_address_max: reader.integer(&CONNECTIONS_PER_ADDRESS_MAX),
            uncapped_peers: trusted_proxies.clone(),
            first_byte_timeout: reader.duration(&FIRST_BYTE_TIMEOUT),
            header_timeout: reader.duration(&HEADER_TIMEOUT),
            headers_max: reader.integer(&HEADERS_MAX),
            header_bytes_max: reader.bytes(&HEADER_BYTES_MAX),
            body_timeout: reader.duration(&BODY_TIMEOUT),
            write_timeout: reader.duration(&WRITE_TIMEOUT),
            request_timeout: reader.duration(&REQUEST_TIMEOUT),
            authorize_rate: RateLimit {
                per_minute: reader.integer(&AUTHORIZE_RATE),
                burst: reader.integer(&AUTHORIZE_BURST),
            },
            metrics_allow: reader.list(&METRICS_ALLOW, parse_network),
            idle_timeout: reader.duration(&IDLE_TIMEOUT),
            connection_age_max: reader.duration(&CONNECTION_AGE_MAX),
            drain_timeout: reader.duration(&DRAIN_TIMEOUT),
            http2_streams_max: reader.integer(&HTTP2_STREAMS_MAX),
            http2_ping_interval: reader.duration(&HTTP2_PING_INTERVAL),
            http2_ping_timeout: reader.duration(&HTTP2_PING_TIMEOUT),
        },
        trusted_proxies,
    }
}

/// A CIDR range, or one address, which is a range of one.
fn parse_network(text: &str) -> Result<IpNet, &'static str> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "is not an address or a CIDR range such as 10.0.0.0/8 or 2001:db8::/32")
}
