//! Numbers of other carriers that a tenant keeps: calls are forwarded to a number of ours, until the number itself is ported.

mod instructions;

pub use instructions::forwarding_instructions;

use chrono::{DateTime, Utc};

use super::{AgentId, E164, KeptNumberId, NumberId, NumberType, OperationId, TenantId, text_enum};

text_enum! {
    /// State of a kept number.
    KeptNumberState {
        /// Calls are to be forwarded to the target. No call has come in through the number yet.
        Forwarding = "forwarding",
        /// A call has come in through the number.
        Verified = "verified",
        /// A port was requested. The carrier checks the request.
        PortRequested = "port_requested",
        /// The authorized representative has a letter of authorization to sign.
        WaitingForSignature = "waiting_for_signature",
        /// The losing carrier has the request.
        PortInProgress = "port_in_progress",
        /// The losing carrier has confirmed the date.
        PortDateSet = "port_date_set",
        /// The number has arrived, and is being pointed to this server.
        CutOver = "cut_over",
        /// The number is ported and takes calls.
        Done = "done",
        /// The port was rejected. It can be requested again with corrected data.
        Rejected = "rejected",
        /// The port was canceled, or no target could be bought.
        Canceled = "canceled",
        /// Nobody signed the letter of authorization in time.
        Expired = "expired",
    }
}

impl KeptNumberState {
    /// Whether a port may be requested in this state.
    #[must_use]
    pub const fn may_port(self) -> bool {
        matches!(self, Self::Forwarding | Self::Verified | Self::Rejected | Self::Canceled | Self::Expired)
    }

    /// Whether a port is under way that can still be canceled.
    #[must_use]
    pub const fn may_cancel(self) -> bool {
        matches!(
            self,
            Self::PortRequested
                | Self::WaitingForSignature
                | Self::PortInProgress
                | Self::PortDateSet
                | Self::Rejected
        )
    }

    /// Whether the record no longer keeps its number.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Canceled | Self::Expired)
    }
}

/// A number of another carrier that a tenant keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNumber {
    /// Id of the record.
    pub id: KeptNumberId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// The agent that its calls are for.
    pub agent_id: AgentId,
    /// The number at the other carrier.
    pub number: E164,
    /// State of forwarding and port.
    pub state: KeptNumberState,
    /// The operation that provides the target.
    pub operation_id: OperationId,
    /// The number that calls are forwarded to; `None` until it is bought.
    pub target_id: Option<NumberId>,
    /// The latest port; `None` before the first.
    pub port_operation_id: Option<OperationId>,
    /// The carrier's id of the latest port; `None` until the carrier has accepted it.
    pub port_sid: Option<String>,
    /// The carrier's own word for the status of the port.
    pub carrier_status: Option<String>,
    /// When the number is ported, as the losing carrier confirmed; `None` until then.
    pub port_date: Option<DateTime<Utc>>,
    /// Where the letter of authorization is signed; `None` if nothing is to be signed.
    pub signature_url: Option<String>,
    /// What is to be done, or why something failed, for people.
    pub detail: Option<String>,
    /// Until when an announced test call counts; `None` if none is announced.
    pub test_until: Option<DateTime<Utc>>,
    /// Whether the port is to be canceled.
    pub is_cancel_wanted: bool,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// What a step of a port changes about a kept number. `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptUpdate {
    /// The new state.
    pub state: Option<KeptNumberState>,
    /// The carrier's id of the port; the inner `None` forgets it.
    pub port_sid: Option<Option<String>>,
    /// The carrier's own word.
    pub carrier_status: Option<String>,
    /// The confirmed date; the inner `None` removes it.
    pub port_date: Option<Option<DateTime<Utc>>>,
    /// Where the letter is signed; the inner `None` removes it.
    pub signature_url: Option<Option<String>>,
    /// What people are told; the inner `None` removes it.
    pub detail: Option<Option<String>>,
    /// Whether the request's personal data and the bill are deleted.
    pub forgets_order: bool,
    /// Whether the wish to cancel is dropped.
    pub stops_cancel: bool,
}

impl KeptUpdate {
    /// A change of the state, with what people are told.
    #[must_use]
    pub fn to(state: KeptNumberState, detail: Option<String>) -> Self {
        Self { state: Some(state), detail: Some(detail), ..Self::default() }
    }

    /// What of it is new for this kept number; `None` if nothing is.
    #[must_use]
    pub fn news_for(self, kept: &KeptNumber) -> Option<Self> {
        fn news<T: PartialEq>(new: Option<T>, known: &T) -> Option<T> {
            new.filter(|new| new != known)
        }
        let word = kept.carrier_status.clone().unwrap_or_default();
        let news = Self {
            state: news(self.state, &kept.state),
            port_sid: news(self.port_sid, &kept.port_sid),
            carrier_status: news(self.carrier_status, &word),
            port_date: news(self.port_date, &kept.port_date),
            signature_url: news(self.signature_url, &kept.signature_url),
            detail: news(self.detail, &kept.detail),
            forgets_order: self.forgets_order,
            stops_cancel: self.stops_cancel,
        };
        (news != Self::default()).then_some(news)
    }
}

/// Whether a number can be ported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portability {
    /// Whether it can.
    pub is_portable: bool,
    /// Why not, and what to do instead; `None` if it can.
    pub reason: Option<String>,
    /// Kind of number; `None` if the carrier does not tell.
    pub kind: Option<NumberType>,
    /// Whether the losing carrier requires its PIN and the account number.
    pub is_pin_required: bool,
}
