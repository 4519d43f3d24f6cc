//! `[egress]`: what the server asks of others, for a client's keys.

use authly_egress::EgressPolicy;
use ipnet::IpNet;

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const ALLOW_ADDRESSES: Key = Key::new(
    "egress.allow_addresses",
    Kind::List("a CIDR, such as 10.1.2.0/24"),
    "[\"10.1.2.0/24\"]",
    "Addresses exempt from the filter that keeps the server from asking private, loopback and link-local addresses for \
     whoever registers a URL. Only these may be asked without TLS.",
);
const EXTRA_CA: Key = Key::new(
    "egress.extra_ca",
    Kind::Path,
    "\"/etc/authly/ca.pem\"",
    "Certificate authorities trusted beside the system's.",
);
const TIMEOUT: Key = Key::seconds(
    "egress.timeout",
    (1, 60),
    "5s",
    "How long an outbound request may take in all.",
);
const RESPONSE_BYTES_MAX: Key = Key::new(
    "egress.response_bytes_max",
    Kind::Size {
        min: 1024,
        max: 1024 * 1024,
    },
    "\"64KiB\"",
    "The largest answer that is read.",
)
.default("64KiB");

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[&ALLOW_ADDRESSES, &EXTRA_CA, &TIMEOUT, &RESPONSE_BYTES_MAX];

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>) -> EgressPolicy {
    let extra_ca = reader
        .path(&EXTRA_CA)
        .and_then(|path| match std::fs::read(&path) {
            Ok(pem) => Some(pem),
            Err(error) => {
                reader.complain(&EXTRA_CA, format!("cannot read {}: {error}", path.display()));
                None
            }
        });
    let policy = EgressPolicy {
        allow_addresses: reader.list(&ALLOW_ADDRESSES, |text| text.trim().parse::<IpNet>()),
        extra_ca,
        timeout: reader.duration(&TIMEOUT),
        response_bytes_max: reader.bytes(&RESPONSE_BYTES_MAX),
        ..EgressPolicy::default()
    };
    if let Err(error) = policy.check() {
        reader.complain(&EXTRA_CA, error.to_string());
    }
    policy
}
