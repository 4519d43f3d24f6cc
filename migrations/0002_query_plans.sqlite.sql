-- An invalidation is first aged and later removed: both look for it by this.
CREATE INDEX invalidations_purge ON invalidations (aged_from);

-- What SQLite is to believe of our tables when it plans. Without figures it takes it that ten rows share the first
-- column of an index; ours begin with the tenant, which all rows of a server share, so that it would rather read a
-- whole table by its key than find one person's grants by their index. Each figure is of rows: how many there are,
-- then how many share the first column of the index, the first two, and so on. They are round on purpose: plans
-- shall not differ between two servers, nor from one day to the next.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('clients', 'clients', '20000 20000 1'),
    ('users', 'sqlite_autoindex_users_1', '1000000 1000000 1'),
    ('users', 'users_by_name', '1000000 1000000 1'),
    ('sessions', 'sessions', '1000000 1000000 1'),
    ('sessions', 'sessions_by_id', '1000000 1000000 1'),
    ('sessions', 'sessions_by_user', '1000000 1000000 2'),
    ('sessions', 'sessions_purge', '1000000 1'),
    ('sessions', 'sessions_purge_ended', '10000 1'),
    ('interactions', 'interactions', '100000 100000 1'),
    ('interactions', 'interactions_purge', '100000 1'),
    ('consents', 'consents', '1000000 1000000 3 1'),
    ('grants', 'grants', '1000000 1000000 1'),
    ('grants', 'grants_by_user', '1000000 1000000 3'),
    ('grants', 'grants_by_client', '1000000 1000000 100'),
    ('grants', 'grants_purge', '1000000 1'),
    ('authorization_codes', 'authorization_codes', '100000 100000 1'),
    ('authorization_codes', 'authorization_codes_purge', '100000 1'),
    ('refresh_tokens', 'refresh_tokens', '2000000 2000000 1'),
    ('refresh_tokens', 'refresh_tokens_purge', '1000000 1'),
    ('refresh_tokens', 'refresh_tokens_purge_spent', '1000000 1000000 10'),
    ('refresh_tokens', 'refresh_tokens_purge_nonces', '10000 1'),
    ('access_tokens', 'access_tokens', '1000000 1000000 1'),
    ('access_tokens', 'access_tokens_purge', '1000000 1'),
    ('revoked_jwts', 'revoked_jwts', '10000 10000 1'),
    ('revoked_jwts', 'revoked_jwts_purge', '10000 1'),
    ('used_once', 'used_once', '100000 100000 50000 1'),
    ('used_once', 'used_once_purge', '100000 1'),
    ('login_throttle', 'login_throttle', '10000 10000 1'),
    ('login_throttle', 'login_throttle_purge', '10000 1'),
    ('audit_events', 'audit_events_by_tenant', '1000000 1000000 1'),
    ('outbox', 'outbox', '10000 10000 1'),
    ('outbox', 'outbox_purge', '10000 1'),
    ('invalidations', 'invalidations_purge', '10000 2');
-- Read now by whoever has the database open.
ANALYZE sqlite_schema;
