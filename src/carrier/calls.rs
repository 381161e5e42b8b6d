//! Fetches calls from the carrier, for status callbacks that never arrived, and reads Twilio's call statuses.

use super::client::checked;
use super::{Carrier, CarrierCall, CarrierError, Rejection, wire};
use crate::domain::CallStatus;

impl Carrier {
    /// Fetches a call; `None` if the carrier does not know it.
    ///
    /// # Errors
    /// [`CarrierError`]; a call that the carrier does not know is no error.
    pub async fn call(&self, sid: &str) -> Result<Option<CarrierCall>, CarrierError> {
        match self.get::<wire::Call>(self.url(&["Calls", checked(sid)?])).await {
            Ok(call) => Ok(Some(call.read())),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads Twilio's `CallStatus` (`in-progress`, `no-answer` …); `None` for a value that Twilio does not document.
pub(super) fn call_status(word: &str) -> Option<CallStatus> {
    Some(match word {
        // `initiated` occurs in webhooks only, never in Twilio's own records.
        "queued" | "initiated" | "ringing" => CallStatus::Ringing,
        "in-progress" => CallStatus::InProgress,
        "completed" => CallStatus::Completed,
        "busy" => CallStatus::Busy,
        "failed" => CallStatus::Failed,
        "no-answer" => CallStatus::NoAnswer,
        "canceled" => CallStatus::Canceled,
        _ => return None,
    })
}
