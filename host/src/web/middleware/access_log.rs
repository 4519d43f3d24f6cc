//! One line per request. Never a path as sent, a query, a header or a body: they carry codes and tokens.

use authly_core::{ClientId, RequestContext};

use crate::web::state::ObservedRequest;

/// The registered client that sent a request, in the extensions of its response.
#[derive(Clone, Debug)]
pub struct OfClient(pub ClientId);

/// Writes the line.
pub fn write(context: &RequestContext, request: &ObservedRequest, client: Option<&OfClient>) {
    let duration_ms = u64::try_from(request.duration.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        request.id = %context.request_id,
        http.method = request.method,
        http.route = request.route,
        http.status = request.status,
        duration_ms,
        client.address = %context.client_ip,
        client.id = client.map(|client| client.0.as_str()),
        "request answered"
    );
}
