//! What a login is counted under, and how patiently.
//!
//! Only failures count. An account is delayed, never locked: whoever guesses cannot shut its owner out of a browser
//! that is known to be the owner's, because such a browser has a count of its own.

use std::{net::IpAddr, time::Duration};

use authly_core::{
    GrantId, SessionId, TokenHash, UserId,
    ports::{ThrottleKey, ThrottlePolicy},
};

use crate::devices::Device;

/// How failed logins are throttled.
#[derive(Clone, Copy, Debug)]
pub struct ThrottlePolicies {
    /// By account, whether it exists or not; known browsers of it each by themselves.
    pub account: ThrottlePolicy,
    /// By address: an IPv4 address, or an IPv6 /64.
    pub address: ThrottlePolicy,
}

impl Default for ThrottlePolicies {
    /// An account: five failures cost nothing, then 1 s, doubling to 60 s, so that its owner can always get in
    /// within a minute. An address: 20 failures, because offices share one, then 1 s, doubling to 5 min. Both forget
    /// after an hour without a failure.
    fn default() -> Self {
        let forget_after = Duration::from_hours(1);
        let base_delay = Duration::from_secs(1);
        Self {
            account: ThrottlePolicy {
                free_failures: 5,
                base_delay,
                max_delay: Duration::from_mins(1),
                forget_after,
            },
            address: ThrottlePolicy {
                free_failures: 20,
                base_delay,
                max_delay: Duration::from_mins(5),
                forget_after,
            },
        }
    }
}

/// The key of an account, by its normalized name; a name nobody has is counted like any other.
pub(crate) fn account_key(normalized_username: &str) -> ThrottleKey {
    key("login.account", normalized_username.as_bytes())
}

/// The key of an account in a browser that is known to be its owner's.
pub(crate) fn device_key(normalized_username: &str, device: Device) -> ThrottleKey {
    let value = [device.as_bytes(), normalized_username.as_bytes()].concat();
    key("login.account.device", &value)
}

/// The key of a person who says the current password to change it: by the session in which they were let in, or else
/// the grant. Nobody else can use up its attempts.
pub(crate) fn change_key(user: UserId, session: Option<SessionId>, grant: GrantId) -> ThrottleKey {
    let (kind, id) = match session {
        Some(session) => ("password.change.session", session.as_uuid()),
        None => ("password.change.grant", grant.as_uuid()),
    };
    let user = user.as_uuid();
    key(kind, &[user.as_bytes().as_slice(), id.as_bytes()].concat())
}

/// The key of an address. IPv6 by /64: one subscriber has at least that many addresses. An IPv4 address mapped into
/// IPv6 is the IPv4 address.
pub(crate) fn address_key(address: IpAddr) -> ThrottleKey {
    match address.to_canonical() {
        IpAddr::V4(v4) => key("login.ipv4", &v4.octets()),
        IpAddr::V6(v6) => {
            let prefix = v6.to_bits() >> 64;
            key("login.ipv6", &prefix.to_be_bytes())
        }
    }
}

/// SHA-256 over kind and value; the kinds hold no zero byte, so no two pairs share a text.
fn key(kind: &str, value: &[u8]) -> ThrottleKey {
    ThrottleKey(TokenHash::of(&[kind.as_bytes(), &[0], value].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ThrottleKey {
        address_key(text.parse().unwrap())
    }

    #[test]
    fn ipv6_is_counted_by_its_64_bit_prefix() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2:ffff::"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
    }

    #[test]
    fn ipv4_is_counted_alone_and_mapped_is_the_same() {
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        // All mapped addresses share a /64: they must not share a count.
        assert_ne!(address("::ffff:192.0.2.1"), address("::ffff:192.0.2.2"));
    }

    #[test]
    fn change_of_a_password_is_counted_by_session_and_without_one_by_grant() {
        let id = uuid::Uuid::from_u128;
        let (alice, bob) = (UserId::from_uuid(id(1)), UserId::from_uuid(id(2)));
        let session = |n| Some(SessionId::from_uuid(id(n)));
        let grant = |n| GrantId::from_uuid(id(n));
        // A session makes as many grants as it likes.
        assert_eq!(
            change_key(alice, session(3), grant(4)),
            change_key(alice, session(3), grant(5))
        );
        assert_ne!(
            change_key(alice, session(3), grant(4)),
            change_key(alice, session(6), grant(4))
        );
        assert_ne!(
            change_key(alice, None, grant(4)),
            change_key(alice, None, grant(5))
        );
        assert_ne!(
            change_key(alice, None, grant(3)),
            change_key(alice, session(3), grant(3))
        );
        assert_ne!(change_key(alice, None, grant(4)), change_key(bob, None, grant(4)));
    }

    #[test]
    fn kinds_do_not_share_keys() {
        assert_ne!(account_key("192.0.2.1"), address("192.0.2.1"));
        assert_ne!(account_key("a"), account_key("b"));
    }
}
