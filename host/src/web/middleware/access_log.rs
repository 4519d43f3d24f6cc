//! One line per request. Never a path as sent, a query, a header or a body: they carry codes and tokens.

use authly_core::RequestContext;

use crate::web::state::ObservedRequest;

/// Writes the line.
pub fn write(context: &RequestContext, request: &ObservedRequest) {
    let duration_ms = u64::try_from(request.duration.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        request.id = %context.request_id,
        http.method = request.method,
        http.route = request.route,
        http.status = request.status,
        duration_ms,
        client.address = %context.client_ip,
        "request answered"
    );
}
