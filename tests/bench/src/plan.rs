//! What a run measures and for how long: the arguments of `make bench`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

/// The choice of the person who runs it.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Only rows and figures whose name begins with one of these, separated by commas; behind a star: contains.
    #[arg(long, value_delimiter = ',')]
    pub rows: Vec<String>,
    /// How long each row is measured, in seconds, after a second of warming up.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Connections that ask at the same time, each again as soon as it is answered.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub callers: u64,
    /// How many tokens the rows with distinct tokens go through.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub distinct: u64,
}

impl Plan {
    /// What comes before every measurement, uncounted.
    pub const WARM_UP: Duration = Duration::from_secs(1);

    /// Whether `name` was asked for: everything is when nothing was named. What is asked for begins the name, or is
    /// somewhere in it when it begins with a star: `refresh` are the rows of that job and not what else refreshes.
    pub fn wants(&self, name: &str) -> bool {
        let mut asked = self
            .rows
            .iter()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .peekable();
        asked.peek().is_none()
            || asked.any(|part| match part.strip_prefix('*') {
                Some(inner) => name.contains(inner),
                None => name.starts_with(part),
            })
    }

    /// How long each row is measured.
    pub fn measured(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Connections that ask at the same time.
    pub fn callers(&self) -> usize {
        usize::try_from(self.callers).unwrap_or(usize::MAX)
    }

    /// A line of the table's heading.
    pub fn heading(&self) -> String {
        format!(
            "{} callers, {} s per load after 1 s of warming up, {} distinct tokens\n",
            self.callers, self.seconds, self.distinct
        )
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            seconds: 3,
            callers: 16,
            distinct: 100_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rows: &[&str]) -> Plan {
        Plan {
            rows: rows.iter().map(|&part| part.to_owned()).collect(),
            ..Plan::default()
        }
    }

    #[test]
    fn a_row_is_selected_by_how_its_name_begins() {
        let plan = plan(&["refresh", "jwks.sqlite"]);
        assert!(plan.wants("refresh.1plugin.postgres"));
        assert!(plan.wants("jwks.sqlite"));
        assert!(!plan.wants("jwks.postgres"));
        assert!(!plan.wants("data.refresh.sqlite"));
    }

    #[test]
    fn behind_a_star_any_part_of_the_name_selects() {
        let plan = plan(&["*plugin"]);
        assert!(plan.wants("refresh.3plugins.postgres"));
        assert!(!plan.wants("refresh.postgres"));
    }

    #[test]
    fn nothing_named_is_everything() {
        assert!(plan(&[]).wants("discovery.sqlite"));
        assert!(plan(&[""]).wants("discovery.sqlite"));
    }

    #[test]
    fn an_empty_part_beside_others_selects_nothing_more() {
        assert!(!plan(&["jwks", ""]).wants("discovery.sqlite"));
    }
}
