//! Records of ports of numbers from other carriers, and the settings of the control API for them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{super::stock::Kind, WebhookExchange};

/// Everything about ports.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Porting {
    pub(crate) requests: Vec<PortRequest>,
    pub(crate) documents: Vec<Document>,
    pub(crate) webhooks: Vec<WebhookConfiguration>,
    pub(crate) signing: Vec<SigningConfiguration>,
    pub(crate) settings: Settings,
    /// The last requests to webhooks about ports, with their responses.
    pub(crate) exchanges: Vec<WebhookExchange>,
}

/// A request to port numbers.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PortRequest {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    /// Account in which the numbers arrive.
    pub(crate) account: String,
    /// Account that sent the request.
    pub(crate) requester: String,
    pub(crate) status: RequestStatus,
    /// Time of the next change of status that nobody causes.
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) numbers: Vec<PortNumber>,
    /// Body of the request.
    pub(crate) order: Value,
    pub(crate) ticket: u64,
    pub(crate) cancellation_reason: Option<String>,
    /// Word shown in place of the status until it changes.
    pub(crate) word: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// Status of a request, by the name in webhooks.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestStatus {
    InReview,
    WaitingForSignature,
    InProgress,
    ActionRequired,
    Completed,
    Canceled,
    Expired,
}

impl RequestStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InReview => "in_review",
            Self::WaitingForSignature => "waiting_for_signature",
            Self::InProgress => "in_progress",
            Self::ActionRequired => "action_required",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Returns whether the request has ended.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled | Self::Expired)
    }
}

/// A number of a request.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PortNumber {
    pub(crate) sid: String,
    pub(crate) phone_number: String,
    pub(crate) pin: Option<String>,
    pub(crate) kind: Kind,
    pub(crate) status: NumberStatus,
    /// Reason and code if the number cannot be ported.
    pub(crate) not_portable: Option<(String, u32)>,
    /// Reason and code if the losing carrier rejected the port.
    pub(crate) rejection: Option<(String, u32)>,
    /// Time at which the losing carrier confirms the port, or has confirmed it.
    pub(crate) port_date: Option<DateTime<Utc>>,
    /// Time at which a submitted number is confirmed.
    pub(crate) due: Option<DateTime<Utc>>,
    pub(crate) updated: DateTime<Utc>,
}

/// Status of a number, by the name in webhooks.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NumberStatus {
    InReview,
    WaitingForSignature,
    Submitted,
    Pending,
    Completed,
    Rejected,
    Canceled,
}

impl NumberStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InReview => "in_review",
            Self::WaitingForSignature => "waiting_for_signature",
            Self::Submitted => "submitted",
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Canceled => "canceled",
        }
    }

    /// Returns whether the number is still to be ported.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::Completed | Self::Canceled)
    }
}

/// An uploaded document. Its content is not kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) sid: String,
    pub(crate) account: String,
    pub(crate) document_type: String,
    pub(crate) friendly_name: String,
    pub(crate) mime_type: String,
    pub(crate) bytes: usize,
    pub(crate) created: DateTime<Utc>,
}

/// Where an account's webhooks about ports go.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct WebhookConfiguration {
    pub(crate) account: String,
    pub(crate) port_in_url: Option<String>,
    pub(crate) port_out_url: Option<String>,
    /// Events that are sent. Empty for all.
    pub(crate) events: Vec<String>,
    pub(crate) created: DateTime<Utc>,
}

/// How an account's letters of authorization look, for a country and a product.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SigningConfiguration {
    pub(crate) serial: u64,
    pub(crate) account: String,
    pub(crate) body: Value,
}

/// Settings of the control API for ports. Times are those of the providers' clock.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Time from the request to the letter of authorization.
    pub(crate) review_seconds: u32,
    /// Time for which the letter can be signed.
    pub(crate) expire_days: u32,
    /// Time from the signature to the losing carrier's port date.
    pub(crate) confirm_seconds: u32,
    /// Days from the request to the port if none is wished.
    pub(crate) port_days: u32,
    pub(crate) spelling: Spelling,
    /// Whether every webhook is sent twice.
    pub(crate) doubled: bool,
    /// Whether webhooks of changes at the same moment are sent in reverse order.
    pub(crate) shuffled: bool,
    /// Numbers that cannot be ported, with Twilio's code.
    pub(crate) not_portable: BTreeMap<String, u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            review_seconds: 24 * 3600,
            expire_days: 30,
            confirm_seconds: 2 * 24 * 3600,
            port_days: 10,
            spelling: Spelling::Mixed,
            doubled: false,
            shuffled: false,
            not_portable: BTreeMap::new(),
        }
    }
}

/// How responses spell status words. Webhooks always have the names with underscores.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spelling {
    /// As in Twilio's examples: requests as in the documentation, numbers with underscores and prefix where they are read alone.
    Mixed,
    /// `Waiting for Signature`, `In progress`.
    Documentation,
    /// `In Progress`.
    Title,
    /// `in_progress`.
    Snake,
    /// `in_progress`; numbers at the losing carrier have `port_submitted`, `port_pending`, `port_rejected`.
    Prefixed,
}
