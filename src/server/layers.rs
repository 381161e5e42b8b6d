//! Middleware around every request: request id, span, one log line, panic handling, security headers.
//!
//! Probes (`/healthz`, `/readyz`, `/metrics`) are logged at `debug` and not traced, since they
//! arrive every few seconds.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use super::rejection::Rejection;
use super::{ServerState, metrics};
use crate::graphql::Summary;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Id of a request, as in the response header, error bodies, logs and the audit log.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self(String::new())))
    }
}

/// Assigns the request id, opens the span, logs the response, and turns a panic into a 500.
pub(super) async fn observe(State(server): State<ServerState>, mut request: Request, next: Next) -> Response {
    let id = client_request_id(request.headers())
        .unwrap_or_else(|| server.entropy.uuid(server.clock.now()).simple().to_string());
    let method = request.method().clone();
    // The route's pattern, not the path: each id in a path would be a label of its own.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let is_probe = PROBES.contains(&route.as_str());
    let span = if is_probe {
        tracing::info_span!("probe", request_id = id, %method, route)
    } else {
        tracing::info_span!("request", request_id = id, %method, route)
    };
    if let Some(parent) = request.headers().get(TRACEPARENT).and_then(|header| header.to_str().ok()) {
        telemetry::continue_trace(&span, parent);
    }
    request.extensions_mut().insert(RequestId(id.clone()));

    let started = Instant::now();
    // Caught here and not by a layer further in, so that the response still gets its id, headers, log line
    // and metrics.
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!(parent: &span, "request panicked");
        let message = "internal error: quote the request id when you report it";
        Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message).respond(&id)
    });
    let (took, status) = (started.elapsed(), response.status());
    metrics::record_response(&method, &route, status, took);
    telemetry::record_response(&span, status.as_u16());
    if is_probe {
        // Probes are frequent: at `info` they would crowd out requests.
        tracing::debug!(parent: &span, status = status.as_u16(), "probe answered");
    } else {
        log(&span, response.extensions_mut().remove(), status, took);
    }
    set_headers(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Returns the client's or proxy's `X-Request-Id` if it is safe to log: 8 to 64 characters of `A-Z a-z 0-9 - _ .`.
fn client_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((8..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

/// Logs one line per request. For GraphQL it includes the operation and its errors.
fn log(span: &Span, operation: Option<Summary>, status: StatusCode, took: Duration) {
    let (status, duration_ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match operation {
        None => tracing::info!(parent: span, status, duration_ms, "request answered"),
        Some(operation) => tracing::info!(
            parent: span,
            status,
            duration_ms,
            tenant = operation.tenant.map(tracing::field::display),
            operation.kind = operation.kind,
            operation.name = operation.name,
            operation.complexity = operation.complexity,
            errors = operation.errors,
            code = operation.code,
            "request answered"
        ),
    }
}

/// Adds security headers. Headers that the handler has set are kept.
fn set_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        // JSON that repeats input must not be guessed to be a page.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not know `frame-ancestors`.
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        // Responses hold callers' numbers and transcripts.
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
