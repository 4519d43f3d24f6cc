//! Claims by name: which of them belong to the protocol.

/// The claims that the protocol owns in tokens, UserInfo and introspection. Neither an account nor a plugin may set
/// them: each decides who somebody is, for whom a token is, or how long it lives.
///
/// RFC 7519 §4.1, OIDC Core §2 and §3.3.2.11, RFC 9068 §2.2, RFC 7800 §3.1, RFC 8693 §4, RFC 9396 §9, RFC 7662 §2.2,
/// RFC 8417 §2.2, RFC 9493 §4.
pub const PROTOCOL_CLAIMS: [&str; 26] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "auth_time",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "s_hash",
    "cnf",
    "act",
    "may_act",
    "sid",
    "client_id",
    "scope",
    "authorization_details",
    "active",
    "token_type",
    "events",
    "sub_id",
];

/// Whether the protocol owns the claim.
pub fn is_protocol_claim(name: &str) -> bool {
    PROTOCOL_CLAIMS.contains(&name)
}
