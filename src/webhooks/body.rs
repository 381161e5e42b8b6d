//! A webhook's body, of which nothing is proven yet: bounded in bytes and in time.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;

/// How long a body, or the next part of a long one, may take to arrive: carriers and voice providers send it with the headers.
pub(super) const TIME: Duration = Duration::from_secs(5);

/// Reads a body.
///
/// # Errors
/// The status to refuse it with: too slow, too long, or cut off.
pub(super) async fn read(body: Body, most_bytes: usize) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(TIME, to_bytes(body, most_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
