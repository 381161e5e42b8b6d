//! Calls at the carrier, the safety net for status callbacks that never came; and Twilio's words for a call's status.

use super::client::checked;
use super::{Carrier, CarrierCall, CarrierError, Rejection, wire};
use crate::domain::CallStatus;

impl Carrier {
    /// A call, if the carrier knows it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn call(&self, sid: &str) -> Result<Option<CarrierCall>, CarrierError> {
        match self.get::<wire::Call>(self.url(&["Calls", checked(sid)?])).await {
            Ok(call) => Ok(Some(call.read())),
            Err(CarrierError::Rejected(Rejection::NotFound)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads Twilio's `CallStatus` (`in-progress`, `no-answer` …); `None` for a word that Twilio does not document.
pub(super) fn call_status(word: &str) -> Option<CallStatus> {
    Some(match word {
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
