//! The deadlines and caps of the HTTP edge. Each is a configuration key under `server.`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;

use crate::web::middleware::rate_limit::RateLimit;

/// What one connection and one request may take of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// `server.connections_max`: open connections. At the cap new ones wait in the kernel's backlog.
    pub connections_max: usize,
    /// `server.connections_per_address_max`: open connections of one address, IPv6 by /64. More are closed at once.
    pub connections_per_address_max: usize,
    /// `server.trusted_proxies`: peers that speak for many clients, so the cap of one address is not theirs.
    pub uncapped_peers: Vec<IpNet>,
    /// `server.first_byte_timeout`: from the accept until it is known which HTTP version the peer speaks.
    pub first_byte_timeout: Duration,
    /// `server.header_timeout`: for one HTTP/1 request head; also how long a kept-alive connection may stay idle, so a
    /// reverse proxy in front should drop idle connections earlier than this.
    pub header_timeout: Duration,
    /// `server.headers_max`: header fields of one request.
    pub headers_max: usize,
    /// `server.header_bytes_max`: size of one request head in bytes, at least 8192 (hyper's own minimum).
    pub header_bytes_max: usize,
    /// `server.body_timeout`: for the whole request body, however it trickles.
    pub body_timeout: Duration,
    /// `server.write_timeout`: how long a peer may take nothing of an answer before its connection is given up.
    pub write_timeout: Duration,
    /// `server.request_timeout`: from the end of the request head to the response head.
    pub request_timeout: Duration,
    /// `server.authorize_rate_per_minute` and `server.authorize_burst`: authorization requests of one address, IPv6 by
    /// /64. Each may store something, whoever sends it.
    pub authorize_rate: RateLimit,
    /// `server.metrics_allow`: who may read `/metrics`.
    pub metrics_allow: Vec<IpNet>,
    /// `server.idle_timeout`: how long a connection may be without a request under way before it is asked to end,
    /// whatever else it does, such as answering HTTP/2 pings. For HTTP/1 `header_timeout` counts as well.
    pub idle_timeout: Duration,
    /// `server.connection_age_max`: after this a connection is asked to end, however busy it is.
    pub connection_age_max: Duration,
    /// `server.drain_timeout`: how long requests under way may take once the server or the connection is to end.
    pub drain_timeout: Duration,
    /// `server.http2_streams_max`: concurrent requests of one HTTP/2 connection.
    pub http2_streams_max: u32,
    /// `server.http2_ping_interval`: how often an HTTP/2 peer must prove that it is there.
    pub http2_ping_interval: Duration,
    /// `server.http2_ping_timeout`: how long it may take for that.
    pub http2_ping_timeout: Duration,
}

impl ServerLimits {
    /// The least `header_bytes_max` that the HTTP/1 parser accepts.
    pub const HEADER_BYTES_MIN: usize = 8192;
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            // Two file descriptors per proxied connection fit the usual limit of 65536 many times over.
            connections_max: 8192,
            // An office behind one address fits; a thirtieth of all does not shut anybody out.
            connections_per_address_max: 256,
            uncapped_peers: Vec::new(),
            first_byte_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            headers_max: 64,
            header_bytes_max: 16 * 1024,
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            // Longer than the storage and plugin deadlines together: those answer better than this one.
            request_timeout: Duration::from_secs(20),
            // An office behind one address signs in at nine; a stranger stores less than half a million rows a day.
            authorize_rate: RateLimit {
                per_minute: 300,
                burst: 300,
            },
            metrics_allow: vec![
                IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
                IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
            ],
            idle_timeout: Duration::from_mins(1),
            connection_age_max: Duration::from_hours(1),
            drain_timeout: Duration::from_secs(25),
            http2_streams_max: 128,
            http2_ping_interval: Duration::from_secs(20),
            http2_ping_timeout: Duration::from_secs(10),
        }
    }
}
