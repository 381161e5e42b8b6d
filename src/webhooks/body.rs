//! Reads a webhook's unverified body, within limits of size and time.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;

/// Time limit for a body, or for each part of a long one. Carriers and voice providers send it with the headers.
pub(super) const TIME: Duration = Duration::from_secs(5);

/// Reads a body of at most `most_bytes` within [`TIME`].
///
/// # Errors
/// The status to reject the request with: the body is too slow, too long or cut off.
pub(super) async fn read(body: Body, most_bytes: usize) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(TIME, to_bytes(body, most_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Also for a body that was cut off: axum reports both alike, and nobody is left to read the answer.
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
