//! Whom an address stands for, wherever something is counted by address.

use std::net::{IpAddr, Ipv6Addr};

/// The block that one subscriber holds: an IPv4 address, or the /64 of an IPv6 address, since whoever has one address
/// of it has them all. An IPv4 address mapped into IPv6 is the IPv4 address.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_counted_by_64_and_ipv4_by_address() {
        for (address, counted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
        ] {
            assert_eq!(
                subscriber(address.parse().unwrap()).to_string(),
                counted,
                "{address}"
            );
        }
    }
}
