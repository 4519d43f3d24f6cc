//! `[oauth]`

use authly_oauth::settings::{PkcePolicy, Settings};

use super::{
    accounts::AccountsConfig,
    key::{Key, Kind},
    reader::Reader,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const PKCE_REQUIRED: Key = Key::new(
    "oauth.pkce_required",
    Kind::Choice(&["always", "public-clients"]),
    "\"always\"",
    "Who must use PKCE with S256: everybody (OAuth 2.1 §7.5), or public clients only. Others should \
     then send `nonce` with `openid` when they leave it out (RFC 9700 §2.1.1).",
)
.default("always");
const AUTHORIZATION_CODE_TTL: Key = Key::seconds(
    "oauth.authorization_code_ttl",
    (1, 10 * MINUTE),
    "60s",
    "Life of an authorization code. RFC 6749 §4.1.2 recommends ten minutes at most, FAPI 2 one.",
);
const ACCESS_TOKEN_TTL: Key = Key::seconds(
    "oauth.access_token_ttl",
    (10, DAY),
    "10m",
    "Life of an access token. A resource server that only checks the signature honours a token this long after it \
     was revoked.",
);
const ID_TOKEN_TTL: Key = Key::seconds("oauth.id_token_ttl", (10, DAY), "10m", "Life of an ID token.");
const REFRESH_TOKEN_TTL: Key = Key::seconds(
    "oauth.refresh_token_ttl",
    (MINUTE, 400 * DAY),
    "30d",
    "Life of an unused refresh token. Each rotation starts it anew, within `oauth.grant_ttl`.",
);
const REFRESH_GRACE: Key = Key::seconds(
    "oauth.refresh_grace",
    (0, 5 * MINUTE),
    "30s",
    "How long a rotated refresh token may be presented again by the same client, and then gets the same successor. \
     Later it counts as stolen and ends the grant.",
);
const GRANT_TTL: Key = Key::seconds(
    "oauth.grant_ttl",
    (MINUTE, 1_000 * DAY),
    "90d",
    "Absolute life of a grant: no token issued from one sign-in outlives it.",
);
const INTERACTION_TTL: Key = Key::seconds(
    "oauth.interaction_ttl",
    (MINUTE, DAY),
    "30m",
    "How long a person has to finish signing in and consenting.",
);
const SESSION_TTL: Key = Key::seconds(
    "oauth.session_ttl",
    (MINUTE, 90 * DAY),
    "1d",
    "Absolute life of a browser session.",
);
const SESSION_IDLE_TTL: Key = Key::seconds(
    "oauth.session_idle_ttl",
    (MINUTE, 90 * DAY),
    "8h",
    "How long a browser session may go unused. Every page and every authorization is a use.",
);

/// The keys of this section.
pub(super) const KEYS: &[&Key] = &[
    &PKCE_REQUIRED,
    &AUTHORIZATION_CODE_TTL,
    &ACCESS_TOKEN_TTL,
    &ID_TOKEN_TTL,
    &REFRESH_TOKEN_TTL,
    &REFRESH_GRACE,
    &GRANT_TTL,
    &INTERACTION_TTL,
    &SESSION_TTL,
    &SESSION_IDLE_TTL,
];

/// Checks the section.
pub(super) fn check(reader: &mut Reader<'_>, accounts: AccountsConfig) -> Settings {
    Settings {
        pkce_required: match reader.choice(&PKCE_REQUIRED).as_str() {
            "public-clients" => PkcePolicy::PublicClients,
            _ => PkcePolicy::Always,
        },
        authorization_code_ttl: reader.duration(&AUTHORIZATION_CODE_TTL),
        access_token_ttl: reader.duration(&ACCESS_TOKEN_TTL),
        id_token_ttl: reader.duration(&ID_TOKEN_TTL),
        refresh_token_ttl: reader.duration(&REFRESH_TOKEN_TTL),
        refresh_grace: reader.duration(&REFRESH_GRACE),
        grant_ttl: reader.duration(&GRANT_TTL),
        interaction_ttl: reader.duration(&INTERACTION_TTL),
        session_ttl: reader.duration(&SESSION_TTL),
        session_idle_ttl: reader.duration(&SESSION_IDLE_TTL),
        require_verified: accounts.require_verified,
    }
}
