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
        let files = [
            postgres::clients::ALL,
            postgres::codes::ALL,
            postgres::consents::ALL,
            postgres::grants::ALL,
            postgres::interactions::ALL,
            postgres::invalidations::ALL,
            postgres::keys::ALL,
            postgres::migrate::ALL,
            postgres::plugins::ALL,
            postgres::purge::ALL,
            postgres::refresh::ALL,
            postgres::replay::ALL,
            postgres::scopes::ALL,
            postgres::sessions::ALL,
            postgres::throttle::ALL,
            postgres::tokens::ALL,
            postgres::users::ALL,
        ];
        for (name, sql) in files.concat() {
            client
                .prepare(sql)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error:?}\n{sql}"));
        }
        drop(client);
        driver.await.unwrap().unwrap();
    }
}
