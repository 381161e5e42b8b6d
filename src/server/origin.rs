//! Origin checks: CORS for HTTP, and the `Origin` header of WebSocket handshakes.
//!
//! Allowed are the configured origins, the server's public origins (known from the configuration, since a proxy may
//! rewrite `Host`), and the host that the request was sent to, for clients that reach the server under another name.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, CorsLayer};

/// Maximum length in bytes of `Access-Control-Request-Headers`, which a preflight response repeats.
const MAX_REQUESTED_HEADERS: usize = 4096;

/// Returns whether a handshake's `Origin` is in `allowed` or equals the request's host. A handshake without
/// `Origin` is allowed: browsers always send the header, other programs need not.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Returns the CORS layer for the allowed origins. Any request header is allowed, since tracing, monitoring
/// and GraphQL clients add their own. Cookies are not: a page can only send credentials that it holds itself.
pub(super) fn cors(allowed: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = allowed.iter().filter_map(|origin| origin.parse().ok()).collect();
    let exposed = ["x-agent-token", "x-tenant-id", "x-request-id"].map(header::HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed.into_iter().chain([header::RETRY_AFTER]).collect::<Vec<_>>())
}

/// Removes an oversized `Access-Control-Request-Headers`, because the preflight response would repeat it.
pub(super) async fn bound_preflight(mut request: Request) -> Request {
    let requested = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if requested.is_some_and(|names| names.len() > MAX_REQUESTED_HEADERS) {
        request.headers_mut().remove(header::ACCESS_CONTROL_REQUEST_HEADERS);
    }
    request
}
