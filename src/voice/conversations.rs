//! Fetches conversations from the provider when their event never arrived.

use serde_json::Value;

use super::{Rejection, Voice, VoiceError, events};
use crate::domain::{ConversationReport, Invalid};
use crate::provider::{Effect, Method};

/// A conversation in the provider's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    /// Still under way, or still being processed by the provider.
    GoesOn,
    /// Ended and processed; the report is complete.
    Over(ConversationReport),
    /// Not found at the provider.
    Unknown,
}

impl Voice {
    /// Fetches a conversation by the provider's id. One that does not exist is [`Conversation::Unknown`], not an error.
    ///
    /// # Errors
    /// [`VoiceError`], also if the answer is unreadable.
    pub async fn conversation(&self, id: &str) -> Result<Conversation, VoiceError> {
        let request = self.request(Method::GET, &["conversations", id]);
        let answer = match self.send(&self.conversations, request, Effect::Reads).await {
            Ok(answer) => answer,
            Err(VoiceError::Rejected(Rejection::NotFound)) => return Ok(Conversation::Unknown),
            Err(error) => return Err(error),
        };
        let unreadable = |why: Invalid| VoiceError::unavailable(format!("an unreadable answer: {why}"));
        let data: Value = answer.json::<_, Rejection>()?;
        // Any other status counts as under way, also one that ElevenLabs adds: its record may still
        // be incomplete.
        if !matches!(data["status"].as_str(), Some("done" | "failed")) {
            return Ok(Conversation::GoesOn);
        }
        events::over(&data, self.clock.now()).map(Conversation::Over).map_err(unreadable)
    }
}
