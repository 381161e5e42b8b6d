//! Conversations at the provider: the safety net for events that never came.

use reqwest::Method;
use serde_json::Value;

use super::error::Effect;
use super::{Voice, VoiceError, events};
use crate::domain::{ConversationReport, Invalid};
use crate::provider::lenient_json;

/// A conversation as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    /// The two still talk, or the provider is not done with it.
    GoesOn,
    /// It is over.
    Over(ConversationReport),
    /// The provider does not know it.
    Unknown,
}

impl Voice {
    /// What the provider knows of a conversation.
    ///
    /// # Errors
    /// [`VoiceError`].
    pub async fn conversation(&self, id: &str) -> Result<Conversation, VoiceError> {
        let request = self.request(Method::GET, &["conversations", id]);
        let body = match self.send(&self.conversations, request, Effect::Reads).await {
            Ok(body) => body,
            Err(VoiceError::NotFound) => return Ok(Conversation::Unknown),
            Err(error) => return Err(error),
        };
        let unreadable = |why: Invalid| VoiceError::unavailable(format!("an unreadable answer: {why}"));
        let data: Value = lenient_json(&body).map_err(|_| unreadable(Invalid::new("it is not JSON")))?;
        if !matches!(data["status"].as_str(), Some("done" | "failed")) {
            return Ok(Conversation::GoesOn);
        }
        events::over(&data, self.clock.now()).map(Conversation::Over).map_err(unreadable)
    }
}
