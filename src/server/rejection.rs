//! What the server itself refuses, before or beside GraphQL: always a JSON body of GraphQL's error shape, never text.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal of the server's: a status, a code for programs, a sentence for people.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// `extensions.code`.
    pub(super) code: &'static str,
    /// What is wrong and what to send instead.
    pub(super) message: String,
    /// After how many seconds it may be tried again, where only time is in the way.
    pub(super) retry_after: Option<u64>,
}

impl Rejection {
    /// A refusal.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// A request that cannot be read.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// The body, as every GraphQL client reads it.
    pub(super) fn body(&self, request_id: &str) -> serde_json::Value {
        let mut extensions = json!({"code": self.code, "requestId": request_id});
        if let Some(seconds) = self.retry_after {
            extensions["retryable"] = true.into();
            extensions["retryAfter"] = seconds.into();
        }
        json!({"errors": [{"message": self.message, "extensions": extensions}]})
    }

    /// The whole response.
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

/// Tells the client how to authenticate, as every 401 must.
pub(super) fn challenge(response: &mut Response) {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
}
