//! What a reconciliation found, and what became of it: stored as it stands here, and shown to operators.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{AgentId, E164, NumberId, OperationId, TenantId, serde_as_text, text_enum};

text_enum! {
    /// How the providers and the database differ. New kinds may be added.
    DifferenceKind {
        /// The carrier bills a number that an operation of ours bought and nobody holds.
        OrphanedNumber = "ORPHANED_NUMBER",
        /// The carrier bills a number that points at this server, bought by an operation that the database does not know.
        UnrecordedNumber = "UNRECORDED_NUMBER",
        /// The carrier bills a number that this system did not buy.
        ForeignNumber = "FOREIGN_NUMBER",
        /// A number that is held is gone at the carrier.
        MissingNumber = "MISSING_NUMBER",
        /// A number that is held was bought anew by somebody else, under another id.
        ReplacedNumber = "REPLACED_NUMBER",
        /// A number that is held bears the mark of another operation or installation.
        ContestedNumber = "CONTESTED_NUMBER",
        /// A number was to be given back, and nothing is at it any more.
        StalledRelease = "STALLED_RELEASE",
        /// A number that is held does not point at this server.
        MisdirectedNumber = "MISDIRECTED_NUMBER",
        /// A number that was held to be gone is there.
        RecoveredNumber = "RECOVERED_NUMBER",
        /// The voice provider has an agent of ours that no agent needs.
        OrphanedVoiceAgent = "ORPHANED_VOICE_AGENT",
        /// The voice provider has an agent that another installation of this system made.
        ForeignVoiceAgent = "FOREIGN_VOICE_AGENT",
        /// An agent's voice agent is gone at the voice provider.
        MissingVoiceAgent = "MISSING_VOICE_AGENT",
    }
}

serde_as_text!(DifferenceKind);

/// What can be done about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Give the number back to the carrier, for good.
    GiveBack {
        /// What bought it.
        bought_by: OperationId,
    },
    /// Mark a number INACTIVE that is gone.
    MarkInactive {
        /// Our number.
        id: NumberId,
    },
    /// Mark a number ACTIVE that is there after all.
    MarkActive {
        /// Our number.
        id: NumberId,
    },
    /// Set the number right at the carrier.
    SetRight {
        /// Our number.
        id: NumberId,
    },
    /// Delete the voice agent, for good.
    DeleteVoiceAgent,
    /// Look for the voice agent and give it its tags back; else give the agent another one.
    RestoreVoiceAgent,
}

impl Repair {
    /// What it does, for people: completes "it would …".
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::GiveBack { .. } => "give the number back",
            Self::MarkInactive { .. } => "mark the number INACTIVE",
            Self::MarkActive { .. } => "mark the number ACTIVE",
            Self::SetRight { .. } => "set the number right",
            Self::DeleteVoiceAgent => "delete the voice agent",
            Self::RestoreVoiceAgent => "give the voice agent its tags back, or make it again",
        }
    }
}

/// What became of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mended {
    /// Nothing was done about it.
    No,
    /// It is gone.
    Yes,
    /// It was written down here. It is there still, until a person acts.
    Noted,
    /// It was tried; it is there still, for this reason.
    Failed(String),
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How.
    pub kind: DifferenceKind,
    /// The number it is about.
    pub number: Option<E164>,
    /// The provider's id of the number or the voice agent.
    pub sid: Option<String>,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// The agent it is about.
    pub agent: Option<AgentId>,
    /// US dollars a month that the carrier bills meanwhile, by list prices.
    pub monthly_cost: Decimal,
    /// What is known, for people.
    pub detail: String,
    /// What can be done about it; `None`: a person must decide.
    pub repair: Option<Repair>,
    /// What became of it.
    pub mended: Mended,
}

impl Difference {
    pub(super) fn new(kind: DifferenceKind, detail: String) -> Self {
        Self {
            kind,
            number: None,
            sid: None,
            tenant: None,
            agent: None,
            monthly_cost: Decimal::ZERO,
            detail,
            repair: None,
            mended: Mended::No,
        }
    }

    pub(super) fn number(self, number: &E164, sid: Option<&str>) -> Self {
        Self { number: Some(number.clone()), sid: sid.map(str::to_owned), ..self }
    }

    pub(super) fn voice_agent(self, id: &str) -> Self {
        Self { sid: Some(id.to_owned()), ..self }
    }

    pub(super) fn of(self, tenant: TenantId, agent: impl Into<Option<AgentId>>) -> Self {
        Self { tenant: Some(tenant), agent: agent.into(), ..self }
    }

    pub(super) fn costing(self, monthly_cost: Decimal) -> Self {
        Self { monthly_cost, ..self }
    }

    pub(super) fn mended_by(self, repair: Repair) -> Self {
        Self { repair: Some(repair), ..self }
    }

    /// Whether it is there still.
    #[must_use]
    pub fn remains(&self) -> bool {
        self.mended != Mended::Yes
    }
}

/// What a reconciliation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciliationReport {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Why nothing could be concluded: a provider did not answer, or not with its whole list. Then there are no
    /// differences here, and nothing was done.
    pub incomplete: Option<String>,
    /// How many numbers the carrier listed.
    pub numbers: usize,
    /// How many voice agents of ours the voice provider listed.
    pub voice_agents: usize,
    /// What was found.
    pub differences: Vec<Difference>,
}

impl ReconciliationReport {
    /// The differences that are there still.
    pub fn remaining(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.remains())
    }

    /// US dollars a month that the carrier bills for numbers that are of no use meanwhile, by list prices.
    #[must_use]
    pub fn monthly_cost_at_stake(&self) -> Decimal {
        self.remaining().map(|difference| difference.monthly_cost).sum()
    }
}
