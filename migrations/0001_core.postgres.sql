-- Everything the core ports need. Times: whole microseconds since the Unix epoch, from the application's clock.
-- Hashes are BYTEA, lists are JSON text, scope is its space-delimited form.
-- Every key begins with tenant_id; the three sequences (audit, invalidations, schema) are the database's own.
-- The hot tables (codes, refresh tokens, interactions) have no foreign keys: their joins treat a missing grant as
-- "unknown", and PostgreSQL would share-lock one parent row for every insert.

CREATE TABLE tenants (
    tenant_id TEXT COLLATE "C" NOT NULL PRIMARY KEY
);

INSERT INTO tenants (tenant_id) VALUES ('default');

CREATE TABLE clients (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    client_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    token_endpoint_auth_method TEXT NOT NULL,
    secret_hash BYTEA CHECK (secret_hash IS NULL OR octet_length(secret_hash) = 32),
    redirect_uris TEXT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    scopes TEXT NOT NULL,
    audiences TEXT NOT NULL,
    id_token_signed_response_alg TEXT NOT NULL,
    access_token_signed_response_alg TEXT NOT NULL,
    first_party BOOLEAN NOT NULL,
    client_uri TEXT,
    policy_uri TEXT,
    tos_uri TEXT,
    rotate_refresh_tokens BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- Only of a client that needs its secret as a key.
    secret_sealed BYTEA,
    jwks TEXT,
    jwks_uri TEXT,
    token_endpoint_auth_signing_alg TEXT,
    assertion_audience TEXT NOT NULL,
    introspection_audiences TEXT NOT NULL,
    access_token_format TEXT NOT NULL,
    userinfo_signed_response_alg TEXT,
    access_token_ttl BIGINT,
    id_token_ttl BIGINT,
    refresh_token_ttl BIGINT,
    default_max_age BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, client_id),
    CHECK (token_endpoint_auth_method <> 'none' OR secret_hash IS NULL),
    CHECK (secret_sealed IS NULL OR secret_hash IS NOT NULL),
    CHECK (jwks IS NULL OR jwks_uri IS NULL)
);

CREATE TABLE scopes (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    name TEXT COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE signing_keys (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    kid TEXT COLLATE "C" NOT NULL,
    alg TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'removed')),
    public_jwk TEXT NOT NULL,
    -- Destroyed with its removal.
    private_sealed BYTEA,
    created_at BIGINT NOT NULL,
    state_since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kid),
    CHECK ((state = 'removed') = (private_sealed IS NULL))
);

-- Two nodes that start at once cannot both store an active key.
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (tenant_id, alg) WHERE state = 'active';
-- Nor can two publish a next one.
CREATE UNIQUE INDEX signing_keys_one_pending ON signing_keys (tenant_id, alg) WHERE state = 'pending';

CREATE TABLE users (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    id UUID NOT NULL,
    username TEXT NOT NULL,
    normalized_username TEXT COLLATE "C" NOT NULL,
    password_hash TEXT,
    claims TEXT NOT NULL,
    group_names TEXT NOT NULL,
    is_admin BOOLEAN NOT NULL,
    enabled BOOLEAN NOT NULL,
    pseudonym UUID NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    verified BOOLEAN NOT NULL,
    requires_password_change BOOLEAN NOT NULL,
    password_changed_at BIGINT,
    last_login_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX users_by_name ON users (tenant_id, normalized_username);

CREATE TABLE sessions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    user_agent TEXT,
    address TEXT,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX sessions_by_id ON sessions (tenant_id, id);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_purge ON sessions (expires_at);
CREATE INDEX sessions_purge_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE interactions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    browser_hash BYTEA CHECK (browser_hash IS NULL OR octet_length(browser_hash) = 32),
    request TEXT NOT NULL,
    -- The stage of `state`, so that guards need not read JSON.
    stage TEXT NOT NULL CHECK (stage IN ('pending', 'authenticated', 'selected', 'consent', 'done', 'denied')),
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);

CREATE INDEX interactions_purge ON interactions (expires_at);

CREATE TABLE consents (
    tenant_id TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    scope TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id, client_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE grants (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    scope TEXT NOT NULL,
    auth_time BIGINT NOT NULL,
    amr TEXT NOT NULL,
    -- Claims asked for one by one, as JSON.
    claims TEXT NOT NULL,
    session_id UUID,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The one flag that kills the family.
    revoked_at BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX grants_by_user ON grants (tenant_id, user_id);
CREATE INDEX grants_by_client ON grants (tenant_id, client_id);
CREATE INDEX grants_purge ON grants (expires_at);

CREATE TABLE authorization_codes (
    tenant_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    grant_id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    redirect_uri TEXT NOT NULL,
    redirect_uri_given BOOLEAN NOT NULL,
    code_challenge TEXT,
    nonce TEXT,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    PRIMARY KEY (tenant_id, hash)
);

CREATE INDEX authorization_codes_purge ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    tenant_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    grant_id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    -- The token this one succeeded: using this one erases that one's nonce.
    predecessor_hash BYTEA CHECK (predecessor_hash IS NULL OR octet_length(predecessor_hash) = 32),
    -- Sealed; there from the rotation until the successor is used or the grace ends.
    nonce_sealed BYTEA,
    -- Presented at or after this, a rotated token is a replay.
    grace_until BIGINT,
    PRIMARY KEY (tenant_id, hash),
    CHECK ((consumed_at IS NULL) = (grace_until IS NULL)),
    CHECK (nonce_sealed IS NULL OR consumed_at IS NOT NULL)
);

CREATE INDEX refresh_tokens_purge ON refresh_tokens (expires_at) WHERE consumed_at IS NULL;
-- A spent one stays as long as its grant, so that whoever presents it again is known.
CREATE INDEX refresh_tokens_purge_spent ON refresh_tokens (tenant_id, grant_id) WHERE consumed_at IS NOT NULL;
CREATE INDEX refresh_tokens_purge_nonces ON refresh_tokens (grace_until) WHERE nonce_sealed IS NOT NULL;

-- Opaque access tokens. A JWT is nowhere, unless it was revoked.
CREATE TABLE access_tokens (
    tenant_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    -- NULL when a client acts for itself.
    grant_id UUID,
    client_id TEXT COLLATE "C" NOT NULL,
    -- What a JWT would say, as JSON.
    claims TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant_id, hash)
);

CREATE INDEX access_tokens_purge ON access_tokens (expires_at);

-- JWTs that are refused before their end, by jti.
CREATE TABLE revoked_jwts (
    tenant_id TEXT COLLATE "C" NOT NULL,
    jti TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, jti)
);

CREATE INDEX revoked_jwts_purge ON revoked_jwts (expires_at);

-- What may be used once: whoever inserts first was the first.
CREATE TABLE used_once (
    tenant_id TEXT COLLATE "C" NOT NULL,
    namespace TEXT NOT NULL,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, namespace, hash)
);

CREATE INDEX used_once_purge ON used_once (expires_at);

CREATE TABLE login_throttle (
    tenant_id TEXT COLLATE "C" NOT NULL,
    key BYTEA NOT NULL CHECK (octet_length(key) = 32),
    failures BIGINT NOT NULL CHECK (failures > 0),
    last_failure_at BIGINT NOT NULL,
    -- Without a failure until then, the count starts again.
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE INDEX login_throttle_purge ON login_throttle (forget_at);

CREATE TABLE audit_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    -- The action with its own fields, as JSON.
    detail TEXT NOT NULL,
    pseudonym UUID,
    client_id TEXT,
    request_id TEXT
);

CREATE INDEX audit_events_by_tenant ON audit_events (tenant_id, seq);

CREATE TABLE outbox (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    -- Sealed; NULL once sent, expired or dead.
    payload_sealed BYTEA,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'expired', 'dead')),
    attempts BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX outbox_purge ON outbox (expires_at);

CREATE TABLE invalidations (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id TEXT COLLATE "C" NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Sequences commit out of order: a poll reads every visible row from its cursor's transaction on.
    xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
    -- Set by the first purge that sees the row; a later purge removes it an hour after that.
    aged_from BIGINT
);

CREATE INDEX invalidations_by_xid ON invalidations (xid);

CREATE TABLE plugins (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (tenant_id),
    name TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    active_digest BYTEA NOT NULL CHECK (octet_length(active_digest) = 32),
    -- JSON list of hex digests, newest first.
    previous_digests TEXT NOT NULL,
    generation BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE plugin_components (
    tenant_id TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    wasm BYTEA NOT NULL,
    toml TEXT NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);

CREATE TABLE plugin_history (
    tenant_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    outcome TEXT NOT NULL CHECK (outcome IN ('activated', 'refused')),
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name, digest)
);
