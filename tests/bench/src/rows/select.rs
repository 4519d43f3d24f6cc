//! Which rows there are, and which of them a plan wants.

use super::jobs::{JOBS, Job};
use crate::{plan::Plan, setup::Backend};

/// A row: a job in one of its variants on one of the databases.
#[derive(Clone, Copy)]
pub struct Selected {
    /// The job.
    pub job: &'static Job,
    /// So many claim plugins are loaded.
    pub plugins: usize,
    /// One caller instead of the plan's.
    pub alone: bool,
    /// The database.
    pub backend: Backend,
}

impl Selected {
    /// `job[.Nplugins][.1caller].database`
    pub fn name(&self) -> String {
        let plugins = match self.plugins {
            0 => String::new(),
            1 => ".1plugin".to_owned(),
            more => format!(".{more}plugins"),
        };
        let alone = if self.alone { ".1caller" } else { "" };
        format!("{}{plugins}{alone}.{}", self.job.name, self.backend)
    }

    /// Connections that ask at the same time.
    pub fn callers(&self, plan: &Plan) -> usize {
        if self.alone { 1 } else { plan.callers() }
    }
}

/// What a plan wants of one database, by number of plugins.
pub fn stages(plan: &Plan, backend: Backend) -> Vec<(usize, Vec<Selected>)> {
    let rows = JOBS.iter().flat_map(|job| {
        job.variants.iter().map(move |&(plugins, alone)| Selected {
            job,
            plugins,
            alone,
            backend,
        })
    });
    let wanted: Vec<_> = rows.filter(|row| plan.wants(&row.name())).collect();
    let of = |plugins: usize| -> Vec<_> {
        wanted
            .iter()
            .filter(|row| row.plugins == plugins)
            .copied()
            .collect()
    };
    [0, 1, 3]
        .into_iter()
        .map(|plugins| (plugins, of(plugins)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(rows: &[&str]) -> Vec<String> {
        let plan = Plan {
            rows: rows.iter().map(|&part| part.to_owned()).collect(),
            ..Plan::default()
        };
        let stages = [Backend::Sqlite, Backend::Postgres].map(|backend| stages(&plan, backend));
        let rows = stages.iter().flatten().flat_map(|(_, rows)| rows);
        rows.map(Selected::name).collect()
    }

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let all = names(&[]);
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        for expected in [
            "jwks.sqlite",
            "refresh.3plugins.postgres",
            "client_credentials.1plugin.1caller.sqlite",
        ] {
            assert!(all.iter().any(|name| name == expected), "{expected}");
        }
    }

    #[test]
    fn every_variant_is_in_a_stage() {
        let variants: usize = JOBS.iter().map(|job| job.variants.len()).sum();
        assert_eq!(names(&[]).len(), 2 * variants);
    }

    #[test]
    fn the_beginning_of_the_name_selects() {
        assert_eq!(
            names(&["refresh.1plugin", "login.sqlite"]),
            [
                "login.sqlite",
                "refresh.1plugin.sqlite",
                "refresh.1plugin.postgres"
            ]
        );
    }
}
