//! Twilio's porting API: portability, documents, port-in requests, and the configuration of webhooks and letters of authorization.
//!
//! A request is seen by the account that sent it, by the account in which its numbers arrive, and by that account's parent. How a port
//! proceeds is in `ports`.

mod configuration;
mod create;
mod documents;
mod portability;
mod requests;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    routing::{delete, get, post},
};
use serde_json::Value;

use super::{super::Shared, TwilioError};

pub(crate) use requests::to_json;

const HOST: &str = "https://numbers.twilio.com";

/// Returns whether a path belongs to these APIs, which have hosts of their own at Twilio.
pub(super) fn is_path(path: &str) -> bool {
    ["/v1/Porting", "/v1/Documents", "/v1/SigningRequest"].iter().any(|start| path.starts_with(start))
}

/// Returns the routes.
pub(super) fn routes() -> Router<Shared> {
    let request = "/v1/Porting/PortIn/{request}";
    Router::new()
        .route("/v1/Porting/Portability/PhoneNumber/{number}", get(portability::fetch))
        .route("/v1/Porting/PortIn", post(create::create))
        .route("/v1/Porting/PortIn/PortInRequests", get(requests::list))
        .route(request, get(requests::fetch).delete(requests::cancel))
        .route(
            &format!("{request}/PhoneNumber/{{number}}"),
            get(requests::fetch_number).delete(requests::cancel_number),
        )
        .route(
            "/v1/Porting/Configuration/Webhook",
            get(configuration::webhook).post(configuration::set_webhook),
        )
        .route("/v1/Porting/Configuration/Webhook/{kind}", delete(configuration::delete_webhook))
        .route(
            "/v1/SigningRequest/Configuration",
            get(configuration::signing).post(configuration::set_signing),
        )
        .route(
            "/v1/Documents",
            // More than a document, so that one that is somewhat too large gets an answer.
            post(documents::upload).layer(DefaultBodyLimit::max(2 * documents::MAX_BYTES)),
        )
}

/// Extractor for a request body that must be a JSON object.
struct JsonBody(Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = TwilioError;

    async fn from_request(request: Request, state: &S) -> Result<Self, TwilioError> {
        let invalid = |reason: String| TwilioError::bad_request(20001, reason);
        let bytes = Bytes::from_request(request, state).await.map_err(|error| invalid(error.to_string()))?;
        match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Object(_)) => Ok(Self(body)),
            Ok(_) => Err(invalid("The body must be a JSON object".to_owned())),
            Err(error) => Err(invalid(format!("The body is not JSON: {error}"))),
        }
    }
}
