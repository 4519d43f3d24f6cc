//! The jobs: a table of names, variants, and what makes each ready.

mod browsers;
mod grants;
mod reads;
mod request;

pub use browsers::login;
pub use grants::own_token;

use anyhow::Result;
use futures_util::future::BoxFuture;

use super::limits::Limit;
use crate::{limit, load::Work, plan::Plan, setup::Stage};

/// A job, ready to be measured.
pub struct Prepared {
    /// What every caller does.
    pub work: Work,
    /// What it is held against; `None` where a server without an authorization server has nothing to do.
    pub limit: Option<Limit>,
    /// What a reader must know to read the figures.
    pub note: Option<String>,
}

impl Prepared {
    /// Held against the same load on `server`.
    fn beside(work: Work, server: limit::Spec) -> Self {
        Self {
            limit: Some(Limit {
                server,
                work: work.clone(),
            }),
            work,
            note: None,
        }
    }

    fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }
}

type Prepare = for<'a> fn(&'a Stage, &'a Plan, usize) -> BoxFuture<'a, Result<Prepared>>;

/// One of them.
pub struct Job {
    /// The first part of its rows' names, and their group.
    pub name: &'static str,
    /// So many plugins; whether one caller is alone.
    pub variants: &'static [(usize, bool)],
    /// Makes it ready for so many callers.
    pub prepare: Prepare,
}

const PLAIN: &[(usize, bool)] = &[(0, false)];
const WITH_PLUGINS: &[(usize, bool)] = &[(0, false), (1, false), (3, false)];
const ALSO_ALONE: &[(usize, bool)] = &[(0, false), (0, true), (1, false), (1, true), (3, false)];

/// In the order in which they are measured.
pub static JOBS: [Job; 10] = [
    Job {
        name: "jwks",
        variants: PLAIN,
        prepare: |stage, _, _| Box::pin(reads::document(stage, "/.well-known/jwks.json")),
    },
    Job {
        name: "discovery",
        variants: PLAIN,
        prepare: |stage, _, _| Box::pin(reads::document(stage, "/.well-known/openid-configuration")),
    },
    Job {
        name: "client_credentials",
        variants: ALSO_ALONE,
        prepare: |stage, _, _| Box::pin(grants::client_credentials(stage)),
    },
    Job {
        name: "introspection",
        variants: PLAIN,
        prepare: |stage, _, _| Box::pin(reads::introspection(stage)),
    },
    Job {
        name: "introspection.distinct",
        variants: PLAIN,
        prepare: |stage, plan, _| Box::pin(reads::introspection_distinct(stage, plan)),
    },
    Job {
        name: "userinfo",
        variants: ALSO_ALONE,
        prepare: |stage, _, _| Box::pin(reads::userinfo(stage)),
    },
    Job {
        name: "userinfo.distinct",
        variants: PLAIN,
        prepare: |stage, plan, _| Box::pin(reads::userinfo_distinct(stage, plan)),
    },
    Job {
        name: "code_flow",
        variants: WITH_PLUGINS,
        prepare: |stage, _, callers| Box::pin(browsers::code_flow(stage, callers)),
    },
    Job {
        name: "login",
        variants: PLAIN,
        prepare: |stage, _, callers| Box::pin(std::future::ready(login(stage, callers))),
    },
    // Last, for what stands beside it needs the database for itself.
    Job {
        name: "refresh",
        variants: WITH_PLUGINS,
        prepare: |stage, _, callers| Box::pin(grants::refresh(stage, callers)),
    },
];
