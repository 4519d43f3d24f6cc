//! `none`: a public client names itself and proves nothing (RFC 6749 §2.1, §3.2.1). PKCE and exact redirect URIs
//! protect its codes; rotation protects its refresh tokens.

use authly_core::client::AuthMethod;

use super::{ClientCredentials, Presented, Proof};

/// Whether the request uses this method: `client_id` in the body and no credential beside it.
pub(super) fn present(credentials: ClientCredentials<'_>) -> Option<Presented<'_>> {
    let proves = ["client_secret", "client_assertion", "client_assertion_type"]
        .into_iter()
        .any(|name| credentials.params.get(name).is_some());
    if credentials.authorization.is_some() || proves {
        return None;
    }
    let client_id = credentials.params.get("client_id")?.to_owned();
    Some(Presented {
        method: AuthMethod::None,
        client_id,
        proof: Proof::Nothing,
    })
}
