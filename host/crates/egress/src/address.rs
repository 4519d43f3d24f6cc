//! Which addresses may be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Everything that is not a public unicast address (IANA special-purpose registries, RFC 6890). Cloud metadata services
/// live in 169.254.0.0/16 and fd00::/8.
const REFUSED_V4: [(&str, u8); 18] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.31.196.0", 24),
    ("192.52.193.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("192.175.48.0", 24),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
];

/// Within 2000::/3, which alone is public: what is reserved, documentation, or a tunnel whose other end may be anything.
const REFUSED_V6: [(&str, u8); 6] = [
    ("2001::", 23),
    ("2001:db8::", 32),
    ("2002::", 16),
    ("2620:4f:8000::", 48),
    ("3fff::", 20),
    ("3ffe::", 16),
];

/// NAT64: a gateway translates the last 32 bits into an IPv4 address (RFC 6052, RFC 8215).
const NAT64: [(&str, u8); 2] = [("64:ff9b::", 96), ("64:ff9b:1::", 48)];

/// Whether the address may be asked: it is public, or the operator exempted it.
pub fn may_be_asked(address: IpAddr, exempt: &[IpNet]) -> bool {
    let address = unmapped(address);
    is_exempt(address, exempt) || is_public(address)
}

/// Whether the operator exempted the address.
pub fn is_exempt(address: IpAddr, exempt: &[IpNet]) -> bool {
    let address = unmapped(address);
    exempt.iter().any(|net| net.contains(&address))
}

/// An IPv4 address in IPv6 clothes (::ffff:0:0/96) is the IPv4 address: that is where the packets go.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !REFUSED_V4.iter().any(|net| within_v4(v4, *net)),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_global_unicast = within_v6(address, ("2000::", 3));
    is_global_unicast
        && !REFUSED_V6.iter().any(|net| within_v6(address, *net))
        && !NAT64.iter().any(|net| within_v6(address, *net))
}

fn within_v4(address: Ipv4Addr, (net, length): (&str, u8)) -> bool {
    let net = net.parse().ok().and_then(|net| Ipv4Net::new(net, length).ok());
    // A table entry that cannot be read refuses everything; a test reads them all.
    net.is_none_or(|net| net.contains(&address))
}

fn within_v6(address: Ipv6Addr, (net, length): (&str, u8)) -> bool {
    let net = net.parse().ok().and_then(|net| Ipv6Net::new(net, length).ok());
    net.is_none_or(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str) -> bool {
        may_be_asked(address.parse().unwrap(), &[])
    }

    #[test]
    fn public_addresses_may_be_asked() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
        ] {
            assert!(asked(public), "{public}");
        }
    }

    #[test]
    fn nothing_else_may_be_asked() {
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!asked(refused), "{refused}");
        }
    }

    #[test]
    fn mapped_public_address_is_the_public_address() {
        assert!(asked("::ffff:8.8.8.8"));
    }

    #[test]
    fn operator_may_exempt() {
        let exempt: Vec<IpNet> = ["127.0.0.0/8", "fd00:1::/32"]
            .iter()
            .map(|n| n.parse().unwrap())
            .collect();
        for allowed in ["127.0.0.1", "::ffff:127.0.0.1", "fd00:1::9"] {
            assert!(may_be_asked(allowed.parse().unwrap(), &exempt), "{allowed}");
        }
        for refused in ["10.0.0.1", "::1", "fd00:2::9"] {
            assert!(!may_be_asked(refused.parse().unwrap(), &exempt), "{refused}");
        }
    }

    #[test]
    fn every_entry_of_the_tables_is_a_network() {
        for (net, length) in REFUSED_V4 {
            assert_eq!(
                Ipv4Net::new(net.parse().unwrap(), length).unwrap().trunc().addr(),
                net.parse::<Ipv4Addr>().unwrap(),
                "{net}"
            );
        }
        for (net, length) in REFUSED_V6.into_iter().chain(NAT64) {
            assert_eq!(
                Ipv6Net::new(net.parse().unwrap(), length).unwrap().trunc().addr(),
                net.parse::<Ipv6Addr>().unwrap(),
                "{net}"
            );
        }
    }
}
