//! Whose pages may speak to us: our own, and those of the allowed origins.
//!
//! Our own pages are those of our public origins, which a proxy that rewrites `Host` does not change, and those of the host
//! that the request was sent to, for whoever reaches this server under another name.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, CorsLayer};

/// The longest list of request headers that a preflight may ask for, in bytes.
const MAX_ASKED_FOR: usize = 4096;

/// Whether a handshake's `Origin` is one of these, or that of the host it was sent to. Browsers always send one, other
/// programs need not.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Lets the allowed origins' pages send requests with any headers, since tracing, monitoring and GraphQL clients add headers
/// of their own. Cookies are not allowed: a page can send no credential that it does not hold itself.
pub(super) fn cors(allowed: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = allowed.iter().filter_map(|origin| origin.parse().ok()).collect();
    let ours = ["x-agent-token", "x-tenant-id", "x-request-id"].map(header::HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(ours.into_iter().chain([header::RETRY_AFTER]).collect::<Vec<_>>())
}

/// Answers a preflight with an endless list as if it had asked for no headers: what is asked for comes back in the answer.
pub(super) async fn bound_preflight(mut request: Request) -> Request {
    let asked_for = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    if asked_for.is_some_and(|names| names.len() > MAX_ASKED_FOR) {
        request.headers_mut().remove(header::ACCESS_CONTROL_REQUEST_HEADERS);
    }
    request
}
