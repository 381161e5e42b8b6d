//! The carrier's webhook about ports. Twilio documents neither its form nor its signature, so that nothing of it is believed: it only
//! makes the operation of the port read the carrier. Whoever knows the id of a port can cause such a read, once every two seconds.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{Webhooks, body};

/// A body has a few hundred bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Spellings of the member that names the port.
const NAMES: [&str; 3] = ["port_in_request_sid", "portInRequestSid", "PortInRequestSid"];

/// The status of a port, or of a number of it, changed.
pub(super) async fn changed(State(webhooks): State<Arc<Webhooks>>, body: Body) -> Response {
    let body = match body::read(body, MAX_BYTES).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    if let Some(sid) = port_of(&body) {
        webhooks.kept.note_port(&sid);
    }
    // The same for a port that exists and one that does not.
    StatusCode::NO_CONTENT.into_response()
}

/// The id of the port that a body names, as JSON or as a form.
fn port_of(body: &[u8]) -> Option<String> {
    let from_json = || {
        let json: Value = serde_json::from_slice(body).ok()?;
        NAMES.iter().find_map(|name| Some(json.get(name)?.as_str()?.to_owned()))
    };
    let from_form = || {
        let mut fields = form_urlencoded::parse(body);
        fields.find(|(name, _)| NAMES.contains(&name.as_ref())).map(|(_, value)| value.into_owned())
    };
    let sid = from_json().or_else(from_form)?;
    let is_hex = |digits: &str| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    sid.strip_prefix("KW").is_some_and(is_hex).then_some(sid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_named_in_any_form() {
        let sid = format!("KW{}", "0".repeat(32));
        for body in [
            format!(r#"{{"port_in_request_sid": "{sid}", "status": "completed"}}"#),
            format!(r#"{{"portInRequestSid": "{sid}"}}"#),
            format!("PortInRequestSid={sid}&Status=completed"),
        ] {
            assert_eq!(port_of(body.as_bytes()), Some(sid.clone()), "{body}");
        }
        for body in ["", "{}", "[]", r#"{"port_in_request_sid": "KW1"}"#, r#"{"port_in_request_sid": 1}"#] {
            assert_eq!(port_of(body.as_bytes()), None, "{body}");
        }
    }
}
