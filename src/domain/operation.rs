//! An operation: one durable piece of work at the providers.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{AgentId, Invalid, NumberId, OperationId, Refusal, TenantId, text_enum};

text_enum! {
    /// What an operation does.
    OperationKind {
        /// Creates a voice agent and, unless told otherwise, buys it a number.
        CreateAgent = "create_agent",
        /// Buys a number for an agent.
        ProvisionNumber = "provision_number",
        /// Gives a number back to the carrier.
        ReleaseNumber = "release_number",
        /// Sets a number's webhooks at the carrier right.
        RepairNumber = "repair_number",
        /// Gives an agent's numbers back and deletes it at the voice provider.
        DeleteAgent = "delete_agent",
    }
}

text_enum! {
    /// How far an operation is. Legal ways: pending → running → succeeded or failed;
    /// a running one whose driver died is run on by another.
    OperationState {
        /// Written down, not begun.
        Pending = "pending",
        /// Begun.
        Running = "running",
        /// Did what it was to do.
        Succeeded = "succeeded",
        /// Ended without, and cleaned up.
        Failed = "failed",
    }
}

impl OperationState {
    /// Whether the operation is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

text_enum! {
    /// The step an operation does next. Each does one outside thing, or claims a number in the database.
    Step {
        /// Create the voice agent; a search for numbers runs beside it.
        CreateVoiceAgent = "create_voice_agent",
        /// Look for numbers that can be had.
        SearchNumbers = "search_numbers",
        /// Write down which number is about to be bought, so that no other operation takes it.
        ClaimNumber = "claim_number",
        /// Buy exactly the claimed number.
        BuyNumber = "buy_number",
        /// Give the number back to the carrier.
        ReleaseNumber = "release_number",
        /// Compare the number at the carrier with what it should be, and set it right.
        RepairNumber = "repair_number",
        /// Delete the voice agent.
        DeleteVoiceAgent = "delete_voice_agent",
        /// Nothing: the operation is over.
        Done = "done",
    }
}

impl OperationKind {
    /// The mutation that asks for it, by its public name.
    #[must_use]
    pub const fn mutation(self) -> &'static str {
        match self {
            Self::CreateAgent => "createAgent",
            Self::ProvisionNumber => "provisionPhoneNumber",
            Self::ReleaseNumber => "releasePhoneNumber",
            Self::RepairNumber => "repairPhoneNumber",
            Self::DeleteAgent => "deleteAgent",
        }
    }

    /// The steps an operation of this kind may go through, in their usual order.
    #[must_use]
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::CreateAgent => {
                &[Step::CreateVoiceAgent, Step::SearchNumbers, Step::ClaimNumber, Step::BuyNumber]
            }
            Self::ProvisionNumber => &[Step::SearchNumbers, Step::ClaimNumber, Step::BuyNumber],
            Self::ReleaseNumber => &[Step::ReleaseNumber],
            Self::RepairNumber => &[Step::RepairNumber],
            Self::DeleteAgent => &[Step::ReleaseNumber, Step::DeleteVoiceAgent],
        }
    }
}

/// One durable piece of work at the providers: what it is doing, how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// What it does.
    pub kind: OperationKind,
    /// How far it is.
    pub state: OperationState,
    /// What it does next.
    pub step: Step,
    /// How often the present step was begun.
    pub attempts: i32,
    /// The agent it is about.
    pub agent_id: AgentId,
    /// The number it is about, once there is one.
    pub number_id: Option<NumberId>,
    /// What it was asked for, and what it found on its way: its kind's own, as JSON.
    pub data: serde_json::Value,
    /// Why it failed.
    pub error: Option<Refusal>,
    /// What it waits for before the present step is begun again; `None` once it is over.
    pub waits_for: Option<Refusal>,
    /// When a request of the present step was last sent, or its driver lost, without its outcome being known; `None` when
    /// every request's outcome is known.
    pub in_doubt_at: Option<DateTime<Utc>>,
    /// The request in which it was asked for.
    pub request_id: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A client's name for one request, so that the request can be repeated without being carried out twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x21..0x7f).contains(&b));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "an idempotency key has 1 to 255 visible ASCII characters and no spaces; a UUID will do",
            ))
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
