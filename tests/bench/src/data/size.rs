//! How much there is.

use std::fmt;

use anyhow::{Context as _, Result, ensure};

/// How many rows the filled database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// People; each has a grant, and that a spent and a live refresh token.
    pub users: u64,
    /// Clients.
    pub clients: u64,
}

impl Size {
    /// `USERS` of the environment, a million unless it says otherwise; a client for every fifty.
    ///
    /// # Errors
    /// When it is no number, or too small for what is measured.
    pub fn asked_for() -> Result<Self> {
        let users = match std::env::var("USERS") {
            Ok(text) if !text.is_empty() => text.parse().context("USERS is no number")?,
            _ => 1_000_000,
        };
        ensure!(users >= 1000, "USERS is less than 1000: that is no size");
        Ok(Self {
            users,
            clients: users / 50,
        })
    }

    /// Up to `max` of the numbers from 1 to `all`, so scattered that neighbours lie far apart.
    pub fn scattered(all: u64, max: u64) -> impl Iterator<Item = u64> {
        /// A prime, so that no number comes twice unless `all` is a multiple of it.
        const STRIDE: u64 = 7_368_787;
        (0..all.min(max)).map(move |nth| nth * STRIDE % all + 1)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users, {} clients, {} refresh tokens",
            self.users,
            self.clients,
            2 * self.users
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scattered_numbers_are_all_different() {
        for all in [1000, 20_000, 1_000_000] {
            let numbers: std::collections::BTreeSet<_> = Size::scattered(all, 100_000).collect();
            assert_eq!(u64::try_from(numbers.len()).unwrap(), all.min(100_000));
            assert!(numbers.iter().all(|n| (1..=all).contains(n)));
        }
    }
}
