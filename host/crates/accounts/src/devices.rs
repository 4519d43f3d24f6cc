//! Browsers in which a person signed in before, and the token by which such a browser is known again.
//!
//! Without them a delay of the account is a delay of its owner: whoever guesses without a pause takes every attempt
//! the delay leaves. An attempt from a known browser is counted under a key of its own, which no stranger can fill.
//!
//! The token is no credential: it opens nothing, it only chooses where failures are counted. It needs no storage:
//!
//! `base64url(issued_at (8 bytes, µs, big endian) ‖ device (16 random bytes) ‖ HMAC-SHA256)`
//!
//! The MAC covers the person's id and the time of the last password change as well, which the token does not hold: a
//! browser says nothing about who used it, a token is worth nothing for another account, and a new password makes
//! every browser unknown, the one of whoever knew the old password among them.

use std::{sync::Arc, time::Duration};

use authly_core::{Rng, SecretBytes, SecretText, Timestamp, user::User};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How long a browser is known after a sign-in; each sign-in starts it anew.
pub const DEVICE_TOKEN_TTL: Duration = Duration::from_hours(180 * 24);

/// Keeps the MAC apart from any other use of the key.
const CONTEXT: &[u8] = b"authly known browser v2\0";
const ISSUED_AT_BYTES: usize = 8;
/// Random bytes that tell two browsers of one person apart.
const DEVICE_BYTES: usize = 16;
/// What precedes the MAC.
const HEAD_BYTES: usize = ISSUED_AT_BYTES + DEVICE_BYTES;

/// A browser of one person, by the random part of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device([u8; DEVICE_BYTES]);

impl Device {
    /// For its throttle key.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Makes and checks the tokens of known browsers.
#[derive(Clone)]
pub struct Devices {
    key: hmac::Key,
    rng: Arc<dyn Rng>,
}

impl Devices {
    /// Under a key that is used for nothing else, the same on every node.
    pub fn new(key: &SecretBytes, rng: Arc<dyn Rng>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()),
            rng,
        }
    }

    /// The token for a browser in which this person signed in just now.
    pub(crate) fn issue(&self, user: &User, now: Timestamp) -> SecretText {
        let mut token = now.as_micros().to_be_bytes().to_vec();
        token.resize(HEAD_BYTES, 0);
        if let Some(device) = token.get_mut(ISSUED_AT_BYTES..) {
            self.rng.fill(device);
        }
        let mac = hmac::sign(&self.key, &message(user, &token));
        token.extend_from_slice(mac.as_ref());
        SecretText::new(URL_SAFE_NO_PAD.encode(token))
    }

    /// The browser, if this token was made here for this person and is not too old; anything else is no token.
    pub(crate) fn check(&self, presented: &str, user: &User, now: Timestamp) -> Option<Device> {
        let token = URL_SAFE_NO_PAD.decode(presented).ok()?;
        let (head, mac) = token.split_at_checked(HEAD_BYTES)?;
        hmac::verify(&self.key, &message(user, head), mac).ok()?;
        let (issued_at, device) = head.split_first_chunk()?;
        let issued_at = Timestamp::from_micros(i64::from_be_bytes(*issued_at));
        let known = now < issued_at.plus(DEVICE_TOKEN_TTL);
        known.then_some(Device(device.try_into().ok()?))
    }
}

fn message(user: &User, head: &[u8]) -> Vec<u8> {
    // No change ever was before the epoch.
    let changed_at = user.password_changed_at.map_or(-1, Timestamp::as_micros);
    [
        CONTEXT,
        user.id.as_uuid().as_bytes(),
        &changed_at.to_be_bytes(),
        head,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use authly_core::UserId;
    use serde_json::Map;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    struct Counter(AtomicU8);
    impl Rng for Counter {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn devices(key: u8) -> Devices {
        Devices::new(
            &SecretBytes::new(vec![key; 32]),
            Arc::new(Counter(AtomicU8::new(1))),
        )
    }

    fn user(id: u128) -> User {
        User {
            id: UserId::from_uuid(Uuid::from_u128(id)),
            username: "alice".to_owned(),
            claims: Map::new(),
            groups: Vec::new(),
            is_admin: false,
            enabled: true,
            verified: false,
            requires_password_change: false,
            password_changed_at: Some(NOW),
            last_login_at: None,
            pseudonym: Uuid::nil(),
            created_at: NOW,
            updated_at: NOW,
            version: 0,
        }
    }

    #[test]
    fn token_names_one_browser_of_one_person() {
        let devices = devices(1);
        let (first, second) = (devices.issue(&user(1), NOW), devices.issue(&user(1), NOW));
        let known = devices.check(first.expose(), &user(1), NOW);
        assert!(known.is_some() && known == devices.check(first.expose(), &user(1), NOW));
        assert_ne!(known, devices.check(second.expose(), &user(1), NOW));
        assert_eq!(devices.check(first.expose(), &user(2), NOW), None);
    }

    #[test]
    fn changed_password_makes_a_browser_unknown() {
        let (devices, before) = (devices(1), user(1));
        let token = devices.issue(&before, NOW);
        let changed = |at| User {
            password_changed_at: at,
            ..before.clone()
        };
        assert!(devices.check(token.expose(), &changed(Some(NOW)), NOW).is_some());
        for at in [Some(NOW.plus(Duration::from_micros(1))), None] {
            assert_eq!(devices.check(token.expose(), &changed(at), NOW), None);
        }
        // Other changes of the account leave it known.
        let renamed = User {
            username: "ally".to_owned(),
            version: 7,
            ..before.clone()
        };
        assert!(devices.check(token.expose(), &renamed, NOW).is_some());
    }

    #[test]
    fn forged_token_is_none() {
        let ours = devices(1);
        let token = ours.issue(&user(1), NOW);
        let foreign = devices(2).issue(&user(1), NOW);
        let bytes = URL_SAFE_NO_PAD.decode(token.expose()).unwrap();
        let mut forged: Vec<String> = (0..bytes.len())
            .map(|i| {
                let mut bytes = bytes.clone();
                bytes[i] ^= 1;
                URL_SAFE_NO_PAD.encode(bytes)
            })
            .collect();
        forged.extend([
            foreign.expose().to_owned(),
            String::new(),
            "!".to_owned(),
            URL_SAFE_NO_PAD.encode(&bytes[..HEAD_BYTES]),
            URL_SAFE_NO_PAD.encode(&bytes[..HEAD_BYTES + 16]),
            format!("{}AAAA", token.expose()),
        ]);
        for token in forged {
            assert_eq!(ours.check(&token, &user(1), NOW), None, "{token}");
        }
    }

    #[test]
    fn token_is_worth_nothing_at_its_end() {
        let devices = devices(1);
        let token = devices.issue(&user(1), NOW);
        let end = NOW.plus(DEVICE_TOKEN_TTL);
        let at = |now| devices.check(token.expose(), &user(1), now).is_some();
        assert!(at(end.minus(Duration::from_micros(1))));
        assert!(!at(end));
    }
}
