//! Every statement in one table, so that a test can prepare them all.

/// Declares the statements of an aggregate, and the list of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* const $name: &str = $sql;)+
        /// Every statement of this file, by name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
pub(super) use statements;

/// Every statement of this backend: its file, its name, its text.
#[cfg(test)]
pub(super) fn every() -> Vec<(&'static str, &'static str, &'static str)> {
    use super::{
        clients, codes, completions, consents, grants, interactions, invalidations, keys, migrate, plugins,
        purge, refresh, replay, rotations, scopes, sessions, tenant, throttle, tokens, users,
    };
    let files = [
        ("clients", clients::ALL),
        ("codes", codes::ALL),
        ("completions", completions::ALL),
        ("consents", consents::ALL),
        ("grants", grants::ALL),
        ("interactions", interactions::ALL),
        ("invalidations", invalidations::ALL),
        ("keys", keys::ALL),
        ("migrate", migrate::ALL),
        ("plugins", plugins::ALL),
        ("purge", purge::ALL),
        ("refresh", refresh::ALL),
        ("replay", replay::ALL),
        ("rotations", rotations::ALL),
        ("scopes", scopes::ALL),
        ("sessions", sessions::ALL),
        ("tenant", &[("LOCK_USER", tenant::LOCK_USER)]),
        ("throttle", throttle::ALL),
        ("tokens", tokens::ALL),
        ("users", users::ALL),
    ];
    files
        .into_iter()
        .flat_map(|(file, all)| all.iter().map(move |(name, sql)| (file, *name, *sql)))
        .collect()
}

#[cfg(test)]
mod tests {
    use authly_testkit::postgres::PostgresServer;
    use tokio_postgres::NoTls;

    use crate::{DatabaseConfig, postgres};

    #[tokio::test]
    async fn every_statement_prepares() {
        let database = PostgresServer::shared()
            .await
            .unwrap()
            .create_database()
            .await
            .unwrap();
        postgres::migrate(&DatabaseConfig::new(database.url()))
            .await
            .unwrap();
        let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        for (file, name, sql) in super::every() {
            client
                .prepare(sql)
                .await
                .unwrap_or_else(|error| panic!("{file} {name}: {error:?}\n{sql}"));
        }
        drop(client);
        driver.await.unwrap().unwrap();
    }
}
