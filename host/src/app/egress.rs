//! The client for what the server asks of others.

use authly_egress::{Egress, EgressError};

use crate::config::Config;

/// Where it can check no certificate the server starts all the same: most ask nobody.
///
/// # Errors
/// [`EgressError`] when `egress.extra_ca` is of no use.
pub(super) fn client(config: &Config) -> Result<Egress, EgressError> {
    let egress = Egress::new(config.egress.clone())?;
    if !egress.has_authorities() {
        tracing::warn!(
            "clients with a jwks_uri are refused: {}",
            EgressError::NoAuthorities
        );
    }
    Ok(egress)
}
