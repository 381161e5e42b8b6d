//! Error responses of the server itself, outside GraphQL execution. The body always has the shape of a GraphQL error.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error response: HTTP status, machine-readable code, message.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    /// HTTP status. A socket uses it to choose the close code.
    pub(super) status: StatusCode,
    /// Error code, sent as `extensions.code`.
    pub(super) code: &'static str,
    /// What is wrong and what to send instead. Shown to the client.
    pub(super) message: String,
    /// Seconds after which the request can be retried. `None` if a retry needs a different request.
    pub(super) retry_after: Option<u64>,
}

impl Rejection {
    /// Creates a rejection that cannot be retried unchanged.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// Creates a 400 for a malformed request.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// Returns the JSON body: `{"errors": [...]}`.
    pub(super) fn body(&self, request_id: &str) -> serde_json::Value {
        let mut extensions = json!({"code": self.code, "requestId": request_id});
        if let Some(seconds) = self.retry_after {
            extensions["retryable"] = true.into();
            extensions["retryAfter"] = seconds.into();
        }
        json!({"errors": [{"message": self.message, "extensions": extensions}]})
    }

    /// Builds the response, with `WWW-Authenticate` and `Retry-After` where they apply.
    pub(super) fn respond(&self, request_id: &str) -> Response {
        let mut response = (self.status, Json(self.body(request_id))).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            challenge(&mut response);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Adds `WWW-Authenticate`, which RFC 9110 requires on every 401.
pub(super) fn challenge(response: &mut Response) {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
}
