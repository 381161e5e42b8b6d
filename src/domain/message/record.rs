//! A text message and its thread, as stored.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{AutomaticAnswer, MessageDirection, MessageStatus, Participant, ThreadHandling};
use crate::domain::{AgentId, E164, MessageId, NumberId, OperationId, Refusal, TenantId, ThreadId};

/// A text message from or to a number.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Identifier in this system.
    pub id: MessageId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// The texts with the same participant at the same number.
    pub thread_id: ThreadId,
    /// Our number.
    pub number_id: NumberId,
    /// The agent of the number when the message came or was to be sent.
    pub agent_id: AgentId,
    /// The operation that sends it; `None` for a message that came in.
    pub operation_id: Option<OperationId>,
    /// The carrier's id, `SM…` or `MM…`; `None` until the carrier has it.
    pub sid: Option<String>,
    /// Whether it came in or goes out.
    pub direction: MessageDirection,
    /// Our number, in E.164.
    pub number: E164,
    /// The other party.
    pub participant: Participant,
    /// The text; `None` once it was deleted. Never logged.
    pub body: Option<String>,
    /// Pictures and other files, in the carrier's order.
    pub media: Vec<MediaReference>,
    /// What became of it.
    pub status: MessageStatus,
    /// Why it did not arrive.
    pub error: Option<Refusal>,
    /// Parts that the carrier counts and charges; `None` until it tells.
    pub segments: Option<i32>,
    /// What the carrier charged in US dollars, positive; `None` until it tells.
    pub price: Option<Decimal>,
    /// Who wrote it by itself; `None` for a text of a participant or of a user of the API.
    pub automatic: Option<AutomaticAnswer>,
    /// When it came in, or was asked for.
    pub created_at: DateTime<Utc>,
    /// When the carrier accepted it; for a message that came in, when the participant sent it.
    pub sent_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Ids and status alone: debug output ends up in logs.
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("sid", &self.sid)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A message as the carrier announces it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// The carrier's id, `SM…` or `MM…`.
    pub sid: String,
    /// Who sent it.
    pub from: Participant,
    /// Our number.
    pub to: E164,
    /// The text; empty for media alone. Never logged.
    pub body: String,
    /// Pictures and other files, at the carrier.
    pub media: Vec<MediaReference>,
    /// Parts that the carrier counts; `None` if it does not tell.
    pub segments: Option<i32>,
    /// The carrier's own word for a request to stop, to start again or for help, if it recognized one.
    pub opt_out_type: Option<String>,
    /// When we learned of it.
    pub received_at: DateTime<Utc>,
    /// When it was sent; `None` if the carrier does not tell.
    pub sent_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for IncomingMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IncomingMessage").field("sid", &self.sid).finish_non_exhaustive()
    }
}

/// What the carrier tells of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageReport {
    /// The carrier's id.
    pub sid: String,
    /// Its status.
    pub status: MessageStatus,
    /// Why it did not arrive.
    pub error: Option<Refusal>,
    /// Parts that the carrier counts; `None` if the report does not tell.
    pub segments: Option<i32>,
    /// What it charged in US dollars; `None` if the report does not tell.
    pub price: Option<Decimal>,
    /// When the carrier accepted it; `None` if the report does not tell.
    pub sent_at: Option<DateTime<Utc>>,
}

/// A file that belongs to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaReference {
    /// Where it is: at the carrier for a message that came in, at the tenant for one to send.
    pub url: String,
    /// Its type, such as `image/jpeg`; `None` if nobody told it.
    pub content_type: Option<String>,
}

/// The texts between a number and one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageThread {
    /// Identifier in this system.
    pub id: ThreadId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// Our number.
    pub number_id: NumberId,
    /// The other party.
    pub participant: Participant,
    /// Who answers.
    pub handling: ThreadHandling,
    /// Whether somebody set the handling. If nobody did, it follows the agent's setting.
    pub is_handling_set: bool,
    /// When the first message was stored.
    pub created_at: DateTime<Utc>,
    /// When the last message was stored, or the handling changed.
    pub updated_at: DateTime<Utc>,
}
