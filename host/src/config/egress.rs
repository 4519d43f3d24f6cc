//! `[egress]`: what the server asks of others, for a client's keys.

use authly_egress::EgressPolicy;
use ipnet::IpNet;

use super::{
    key::{Key, Kind},
    reader::Reader,
};

const ALLOW_ADDRESSES: Key = Key::new(
    "egress.allow_addresses",
    Kind::List("networks, such as 10.1.2.0/24"),
    "[\"10.1.2.0/24\"]",
    "Addresses exempt from the filter that keeps the server from asking private, loopback and link-local addresses for \
     whoever registers a URL. Only these may be asked without TLS.",
);
const EXTRA_CA: Key = Key::new(
    "egress.extra_ca",
    Kind::Path,
    "\"/etc/authly/ca.pem\"",
    "A PEM file of certificate authorities trusted beside the system's.",
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

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigErrors, Sources, load};

    fn with(key: &str, value: &str) -> Result<Config, ConfigErrors> {
        let env = [
            ("AUTHLY__ISSUER", "https://login.example.com"),
            ("AUTHLY__DATABASE__URL", "sqlite::memory:"),
            (
                "AUTHLY__KEYS__ENCRYPTION_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
            (key, value),
        ];
        let sources = Sources {
            env: env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            ..Sources::default()
        };
        load(&sources).map(|loaded| loaded.config)
    }

    #[test]
    fn defaults_are_those_of_the_client() {
        let config = with("AUTHLY__EGRESS__EXTRA_CA", "").unwrap();
        let default = authly_egress::EgressPolicy::default();
        assert_eq!(format!("{:?}", config.egress), format!("{default:?}"));
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named_by_their_key() {
        let dir = tempfile::tempdir().unwrap();
        let not_pem = dir.path().join("ca.pem");
        std::fs::write(&not_pem, "no certificate").unwrap();
        for path in [not_pem, dir.path().join("missing.pem")] {
            let errors = with("AUTHLY__EGRESS__EXTRA_CA", path.to_str().unwrap()).unwrap_err();
            assert_eq!(errors.0.len(), 1);
            assert_eq!(errors.0[0].key, "egress.extra_ca");
        }
    }

    #[test]
    fn what_is_no_network_is_named_by_its_key() {
        let errors = with("AUTHLY__EGRESS__ALLOW_ADDRESSES", "10.0.0.0/8,10.0.0.0/33").unwrap_err();
        assert_eq!(errors.0.len(), 1);
        assert_eq!(errors.0[0].key, "egress.allow_addresses");
    }
}
