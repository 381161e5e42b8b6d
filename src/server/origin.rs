//! Whose pages may speak to us: our own host's, and those of the allowed origins.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

/// Whether a handshake's `Origin` is ours or allowed. Browsers always send one, other programs need not.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin
        .split_once("://")
        .is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    own || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Lets the allowed origins' pages send requests, without cookies: tokens are put there by the page.
pub(super) fn cors(allowed: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = allowed.iter().filter_map(|origin| origin.parse().ok()).collect();
    let ours = ["x-agent-token", "x-tenant-id", "x-request-id"].map(header::HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(
            [header::AUTHORIZATION, header::CONTENT_TYPE].into_iter().chain(ours.clone()).collect::<Vec<_>>(),
        )
        .expose_headers(ours.into_iter().chain([header::RETRY_AFTER]).collect::<Vec<_>>())
}
