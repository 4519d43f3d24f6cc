//! When signing keys follow one another. Pure: the caller loads the keys, and storage decides races.
//!
//! pending → active → retiring → removed. The next key is published before it signs, so that no verifier meets a
//! signature of a key that it cannot find (OIDC Core §10.1.1), and stays published after it signed its last token.

use std::time::Duration;

use authly_core::{
    Kid, Timestamp,
    key::{KeyState, SigningAlg, StoredKey},
};

/// How long a key stays in each state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long a key signs before the next one takes over.
    pub interval: Duration,
    /// How long the next key is published before it signs: longer than verifiers keep the JWK set.
    pub publish_before: Duration,
    /// How long a key stays published after it stopped signing: longer than any token it signed lives.
    pub retire_after: Duration,
}

/// What is due. Taking the same step twice does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// Generate a key and publish it.
    Publish(SigningAlg),
    /// The published key begins to sign; the one before it retires.
    Activate(Kid),
    /// The retired key is published no longer.
    Remove(Kid),
}

/// Every step that is due at `now`, in the order in which they may be taken.
///
/// A pending key takes over once it has been published for long enough, whoever asked for it: so an operator's
/// rotation is the schedule's, begun early. A clock that was set back only delays.
pub fn due(keys: &[StoredKey], policy: &RotationPolicy, now: Timestamp) -> Vec<RotationStep> {
    let of_algs = SigningAlg::ALL
        .into_iter()
        .filter_map(|alg| succession(keys, alg, policy, now));
    let removals = keys
        .iter()
        .filter(|key| key.state == KeyState::Retiring && is_over(key, policy.retire_after, now))
        .map(|key| RotationStep::Remove(key.kid.clone()));
    of_algs.chain(removals).collect()
}

/// What is due for the succession of one algorithm.
fn succession(
    keys: &[StoredKey],
    alg: SigningAlg,
    policy: &RotationPolicy,
    now: Timestamp,
) -> Option<RotationStep> {
    let find = |state| keys.iter().find(|key| key.alg == alg && key.state == state);
    if let Some(next) = find(KeyState::Pending) {
        let ready = is_over(next, policy.publish_before, now);
        return ready.then(|| RotationStep::Activate(next.kid.clone()));
    }
    let active = find(KeyState::Active)?;
    let lead = policy.interval.saturating_sub(policy.publish_before);
    is_over(active, lead, now).then_some(RotationStep::Publish(alg))
}

fn is_over(key: &StoredKey, time: Duration, now: Timestamp) -> bool {
    now >= key.state_since.plus(time)
}

#[cfg(test)]
mod tests {
    use authly_core::SecretBytes;

    use super::*;

    const POLICY: RotationPolicy = RotationPolicy {
        interval: Duration::from_secs(1_000),
        publish_before: Duration::from_secs(100),
        retire_after: Duration::from_mins(5),
    };

    fn key(kid: &str, alg: SigningAlg, state: KeyState, since: i64) -> StoredKey {
        StoredKey {
            kid: Kid::parse(kid).unwrap(),
            alg,
            state,
            public_jwk: String::new(),
            private: SecretBytes::new(Vec::new()),
            created_at: Timestamp::from_secs(0),
            state_since: Timestamp::from_secs(since),
        }
    }

    fn due_at(keys: &[StoredKey], secs: i64) -> Vec<RotationStep> {
        due(keys, &POLICY, Timestamp::from_secs(secs))
    }

    #[test]
    fn next_key_is_published_before_it_signs_and_the_old_one_stays_afterwards() {
        let es = SigningAlg::Es256;
        let mut keys = vec![key("a", es, KeyState::Active, 0)];
        assert_eq!(due_at(&keys, 899), []);
        assert_eq!(due_at(&keys, 900), [RotationStep::Publish(es)]);
        keys.push(key("b", es, KeyState::Pending, 900));
        assert_eq!(due_at(&keys, 999), []);
        assert_eq!(
            due_at(&keys, 1_000),
            [RotationStep::Activate(keys[1].kid.clone())]
        );
        keys = vec![
            key("a", es, KeyState::Retiring, 1_000),
            key("b", es, KeyState::Active, 1_000),
        ];
        assert_eq!(due_at(&keys, 1_299), []);
        assert_eq!(due_at(&keys, 1_300), [RotationStep::Remove(keys[0].kid.clone())]);
    }

    #[test]
    fn algorithms_rotate_independently_and_removed_keys_are_left_alone() {
        let keys = [
            key("a", SigningAlg::Es256, KeyState::Active, 0),
            key("b", SigningAlg::Rs256, KeyState::Active, 500),
            key("c", SigningAlg::Rs256, KeyState::Removed, 0),
            key("d", SigningAlg::EdDsa, KeyState::Retiring, 0),
        ];
        let expected = [
            RotationStep::Publish(SigningAlg::Es256),
            RotationStep::Remove(keys[3].kid.clone()),
        ];
        assert_eq!(due_at(&keys, 1_000), expected);
    }

    #[test]
    fn a_key_that_an_operator_published_takes_over_without_waiting_for_the_interval() {
        let es = SigningAlg::Es256;
        let keys = [
            key("a", es, KeyState::Active, 0),
            key("b", es, KeyState::Pending, 10),
        ];
        assert_eq!(due_at(&keys, 110), [RotationStep::Activate(keys[1].kid.clone())]);
    }

    #[test]
    fn a_clock_that_was_set_back_only_delays() {
        let keys = [key("a", SigningAlg::Es256, KeyState::Active, 5_000)];
        assert_eq!(due_at(&keys, 0), []);
    }

    #[test]
    fn a_lead_longer_than_the_interval_publishes_at_once() {
        let policy = RotationPolicy {
            publish_before: Duration::from_secs(2_000),
            ..POLICY
        };
        let keys = [key("a", SigningAlg::Es256, KeyState::Active, 0)];
        let steps = due(&keys, &policy, Timestamp::from_secs(0));
        assert_eq!(steps, [RotationStep::Publish(SigningAlg::Es256)]);
    }
}
