//! What a code or refresh token is that the guarded update did not spend.
//!
//! The grant's flag comes first: once a family is dead every answer is "revoked", so a replay revokes, is audited and
//! is invalidated exactly once, however often it is repeated.

use authly_core::{GrantId, Timestamp};

/// What the database knows of a code and its grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeFacts {
    pub grant_id: GrantId,
    pub grant_revoked_at: Option<Timestamp>,
    pub grant_expires_at: Timestamp,
    pub consumed_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// What becomes of a code that was not spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeVerdict {
    /// The family is dead.
    Revoked,
    /// Revoke the grant, store the `replayed` effects.
    Replayed,
    /// Too late.
    Expired,
    /// Nothing speaks against spending it.
    Spendable,
}

impl CodeFacts {
    /// RFC 6749 §4.1.2: a second use revokes what the first one issued, even when the code has expired since.
    pub(crate) fn judge(&self, now: Timestamp) -> CodeVerdict {
        if self.grant_revoked_at.is_some() {
            CodeVerdict::Revoked
        } else if self.consumed_at.is_some() {
            CodeVerdict::Replayed
        } else if self.expires_at <= now || self.grant_expires_at <= now {
            CodeVerdict::Expired
        } else {
            CodeVerdict::Spendable
        }
    }
}

/// What the database knows of a refresh token and its grant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshFacts {
    pub grant_id: GrantId,
    pub grant_revoked_at: Option<Timestamp>,
    pub grant_expires_at: Timestamp,
    pub consumed_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    /// End of the grace, stored at the rotation.
    pub grace_until: Option<Timestamp>,
    /// Whether the nonce is still there: it goes when the successor is used.
    pub has_nonce: bool,
}

/// What becomes of a refresh token that was not rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshVerdict {
    /// The family is dead.
    Revoked,
    /// Revoke the grant, store the `replayed` effects.
    Replayed,
    /// Too late.
    Expired,
    /// Answer the nonce of the first rotation.
    Retry,
    /// Nothing speaks against using it.
    Spendable,
}

impl RefreshFacts {
    /// RFC 9700 §4.14.2. The grace is over *at* its end; a rotated token stays a replay after its own expiry.
    pub(crate) fn judge(&self, now: Timestamp) -> RefreshVerdict {
        if self.grant_revoked_at.is_some() || self.grant_expires_at <= now {
            return RefreshVerdict::Revoked;
        }
        let in_grace = self.has_nonce && self.grace_until.is_some_and(|end| now < end);
        if self.consumed_at.is_some() && !in_grace {
            return RefreshVerdict::Replayed;
        }
        if self.expires_at <= now {
            return RefreshVerdict::Expired;
        }
        if self.consumed_at.is_some() {
            return RefreshVerdict::Retry;
        }
        RefreshVerdict::Spendable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn code() -> CodeFacts {
        CodeFacts {
            grant_id: GrantId::from_uuid(uuid::Uuid::nil()),
            grant_revoked_at: None,
            grant_expires_at: at(1_000),
            consumed_at: None,
            expires_at: at(60),
        }
    }

    #[test]
    fn code_is_judged_flag_first_then_replay_then_expiry() {
        assert_eq!(code().judge(at(59)), CodeVerdict::Spendable);
        assert_eq!(code().judge(at(60)), CodeVerdict::Expired);
        let spent = CodeFacts {
            consumed_at: Some(at(1)),
            ..code()
        };
        assert_eq!(spent.judge(at(2)), CodeVerdict::Replayed);
        assert_eq!(spent.judge(at(99)), CodeVerdict::Replayed);
        let dead = CodeFacts {
            grant_revoked_at: Some(at(2)),
            ..spent
        };
        assert_eq!(dead.judge(at(2)), CodeVerdict::Revoked);
    }

    fn refresh() -> RefreshFacts {
        RefreshFacts {
            grant_id: GrantId::from_uuid(uuid::Uuid::nil()),
            grant_revoked_at: None,
            grant_expires_at: at(1_000),
            consumed_at: None,
            expires_at: at(100),
            grace_until: None,
            has_nonce: false,
        }
    }

    #[test]
    fn refresh_is_a_retry_only_within_the_grace_and_with_its_nonce() {
        let rotated = RefreshFacts {
            consumed_at: Some(at(10)),
            grace_until: Some(at(20)),
            has_nonce: true,
            ..refresh()
        };
        assert_eq!(rotated.judge(at(19)), RefreshVerdict::Retry);
        assert_eq!(rotated.judge(at(20)), RefreshVerdict::Replayed);
        let successor_used = RefreshFacts {
            has_nonce: false,
            ..rotated
        };
        assert_eq!(successor_used.judge(at(11)), RefreshVerdict::Replayed);
        let late = RefreshFacts {
            grace_until: Some(at(200)),
            ..rotated
        };
        assert_eq!(late.judge(at(100)), RefreshVerdict::Expired);
    }

    #[test]
    fn refresh_dies_with_its_grant_or_its_time() {
        assert_eq!(refresh().judge(at(99)), RefreshVerdict::Spendable);
        assert_eq!(refresh().judge(at(100)), RefreshVerdict::Expired);
        assert_eq!(refresh().judge(at(1_000)), RefreshVerdict::Revoked);
        let dead = RefreshFacts {
            grant_revoked_at: Some(at(5)),
            ..refresh()
        };
        assert_eq!(dead.judge(at(6)), RefreshVerdict::Revoked);
    }
}
