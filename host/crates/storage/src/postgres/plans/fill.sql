-- Some thousands of rows in every table that grows, as a server in use has them, and what the planner knows of them.
INSERT INTO clients (tenant_id, client_id, name, token_endpoint_auth_method, redirect_uris, post_logout_redirect_uris,
    grant_types, scopes, audiences, id_token_signed_response_alg, access_token_signed_response_alg, first_party,
    rotate_refresh_tokens, enabled, created_at, assertion_audience, introspection_audiences, access_token_format, version)
SELECT 'default', 'client-' || n, 'Client ' || n, 'client_secret_basic', '[]', '[]', '[]', 'openid', '[]', 'RS256',
    'ES256', false, true, true, n, 'issuer', '[]', 'jwt', 1
FROM generate_series(1, 5000) AS n;

INSERT INTO users (tenant_id, id, username, normalized_username, claims, group_names, is_admin, enabled, pseudonym,
    created_at, updated_at, verified, requires_password_change, version)
SELECT 'default', md5('user' || n)::uuid, 'person-' || n, 'person-' || n, '{}', '[]', false, true,
    md5('pseudonym' || n)::uuid, n, n, true, false, 1
FROM generate_series(1, 5000) AS n;

INSERT INTO sessions (tenant_id, hash, id, user_id, auth_time, amr, created_at, expires_at, last_seen_at, ended_at)
SELECT 'default', sha256(('session' || n)::bytea), md5('session' || n)::uuid, md5('user' || n)::uuid, n, '[]', n, n, n,
    CASE WHEN n % 10 = 0 THEN n END
FROM generate_series(1, 5000) AS n;

INSERT INTO interactions (tenant_id, hash, request, stage, state, version, created_at, expires_at)
SELECT 'default', sha256(('interaction' || n)::bytea), '{}', 'pending', '{}', 1, n, n
FROM generate_series(1, 5000) AS n;

INSERT INTO consents (tenant_id, user_id, client_id, scope, updated_at)
SELECT 'default', md5('user' || n)::uuid, 'client-' || n, 'openid', n
FROM generate_series(1, 5000) AS n;

INSERT INTO grants (tenant_id, id, client_id, user_id, scope, auth_time, amr, claims, created_at, expires_at)
SELECT 'default', md5('grant' || n)::uuid, 'client-' || n, md5('user' || n)::uuid, 'openid', n, '[]', '{}', n, n
FROM generate_series(1, 5000) AS n;

INSERT INTO authorization_codes (tenant_id, hash, grant_id, client_id, redirect_uri, redirect_uri_given, scope,
    created_at, expires_at)
SELECT 'default', sha256(('code' || n)::bytea), md5('grant' || n)::uuid, 'client-' || n, 'https://app.example/cb', true,
    'openid', n, n
FROM generate_series(1, 5000) AS n;

-- A family each of a spent token and a live one.
INSERT INTO refresh_tokens (tenant_id, hash, grant_id, client_id, scope, created_at, expires_at, consumed_at,
    nonce_sealed, grace_until)
SELECT 'default', sha256(('refresh' || n)::bytea), md5('grant' || n / 2)::uuid, 'client-' || n / 2, 'openid', n, n,
    CASE WHEN n % 2 = 0 THEN n END, CASE WHEN n % 20 = 0 THEN '\x00'::bytea END, CASE WHEN n % 2 = 0 THEN n END
FROM generate_series(1, 10000) AS n;

INSERT INTO access_tokens (tenant_id, hash, grant_id, client_id, claims, created_at, expires_at)
SELECT 'default', sha256(('access' || n)::bytea), md5('grant' || n)::uuid, 'client-' || n, '{}', n, n
FROM generate_series(1, 5000) AS n;

INSERT INTO revoked_jwts (tenant_id, jti, expires_at)
SELECT 'default', md5(n::text), n FROM generate_series(1, 5000) AS n;

INSERT INTO used_once (tenant_id, namespace, hash, expires_at)
SELECT 'default', 'assertion', sha256(n::text::bytea), n FROM generate_series(1, 5000) AS n;

INSERT INTO login_throttle (tenant_id, key, failures, last_failure_at, forget_at)
SELECT 'default', sha256(n::text::bytea), 1, n, n FROM generate_series(1, 5000) AS n;

INSERT INTO audit_events (tenant_id, at, action, detail)
SELECT 'default', n, 'login', '{}' FROM generate_series(1, 5000) AS n;

INSERT INTO outbox (tenant_id, id, kind, state, attempts, expires_at)
SELECT 'default', md5('message' || n)::uuid, 'email', 'sent', 1, n FROM generate_series(1, 5000) AS n;

INSERT INTO invalidations (tenant_id, topic, key, aged_from)
SELECT 'default', 'grant', md5(n::text), CASE WHEN n < 4900 THEN n END FROM generate_series(1, 5000) AS n;

ANALYZE;
