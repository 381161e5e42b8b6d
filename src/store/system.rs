//! The system's door: for webhooks, workers and operators.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::StoreError;
use crate::domain::{
    Agent, AgentId, AgentStatus, AgentToken, Call, CallId, CallOutcome, CallStatus, Capabilities,
    CountryCode, E164, NumberId, NumberType, Operation, OperationId, OperationState, PhoneNumber, Refusal,
    Step, Tenant, TenantId,
};

/// All tenants' rows, by narrow functions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SystemStore {}

/// The right to drive one operation, until `until`. The fence tells an old holder from a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The operation.
    pub operation: OperationId,
    /// Who holds it.
    pub owner: uuid::Uuid,
    /// Grows with every claim of this operation and never resets.
    pub fence: i64,
    /// Until when it holds unless renewed.
    pub until: DateTime<Utc>,
}

/// An operation and the right to drive it.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The operation as it stands.
    pub operation: Operation,
    /// The right to drive it.
    pub lease: Lease,
}

/// What a step made of its operation: written together, under its lease, or not at all.
#[derive(Debug, Clone)]
pub struct OperationUpdate {
    /// The new state.
    pub state: OperationState,
    /// The next step.
    pub step: Step,
    /// The kind's own data.
    pub data: Value,
    /// The number it is about.
    pub number_id: Option<NumberId>,
    /// Why it failed.
    pub error: Option<Refusal>,
    /// When to go on, when not at once: a step that failed for now. Its lease is given up.
    pub retry_at: Option<DateTime<Utc>>,
    /// What the step changed beside its operation.
    pub effects: Vec<Effect>,
}

/// A change a step makes beside its operation, in the same transaction.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The voice agent exists: its id at the provider, having this revision of the agent.
    VoiceAgentCreated {
        /// Our agent.
        agent: AgentId,
        /// The provider's id.
        voice_agent_id: String,
        /// The revision it was created from.
        revision: i32,
    },
    /// The agent's state changed.
    AgentStatus {
        /// Our agent.
        agent: AgentId,
        /// Its new state.
        status: AgentStatus,
    },
    /// The number was bought: active from now on, under the carrier's id.
    NumberBought {
        /// Our number.
        number: NumberId,
        /// The carrier's id.
        sid: String,
    },
    /// The number was given back, or its claim freed.
    NumberReleased {
        /// Our number.
        number: NumberId,
    },
    /// The number was found in order, or set right: active.
    NumberRepaired {
        /// Our number.
        number: NumberId,
    },
    /// The number is gone at the carrier: inactive.
    NumberLost {
        /// Our number.
        number: NumberId,
    },
}

/// A number about to be bought.
#[derive(Debug, Clone)]
pub struct NumberClaim {
    /// Its new id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// As people read it.
    pub friendly_name: String,
    /// What kind it is.
    pub kind: NumberType,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Its country.
    pub country: CountryCode,
    /// Its place.
    pub locality: Option<String>,
    /// Its state or region.
    pub region: Option<String>,
    /// US dollars a month.
    pub monthly_cost: rust_decimal::Decimal,
}

/// Why a number could not be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimRefused {
    /// Another row holds it, this tenant's or another's.
    Taken,
    /// The tenant's plan, or the server's purchases an hour, are used up.
    Limit(Refusal),
}

/// A call as the carrier announces it.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The carrier's id.
    pub sid: String,
    /// The caller.
    pub from: String,
    /// The number called.
    pub to: E164,
}

/// Where a call goes: its record, its agent, and whether the plan has room.
#[derive(Debug, Clone)]
pub struct Route {
    /// The call's record, new or found.
    pub call: Call,
    /// Who answers.
    pub agent: Agent,
    /// Whether the tenant's concurrent calls allow it.
    pub admitted: bool,
    /// What this call was answered with before, when it was.
    pub answered: Option<String>,
}

impl SystemStore {
    /// The tenant, written down at first sight.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ensure_tenant(&self, _id: TenantId) -> Result<Tenant, StoreError> {
        todo!()
    }

    /// The agent with this token, unless it is deleted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent_by_token(&self, _token: &AgentToken) -> Result<Option<Agent>, StoreError> {
        todo!()
    }

    /// An agent, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, _id: AgentId) -> Result<Option<Agent>, StoreError> {
        todo!()
    }

    /// Active and inactive agents whose changes the voice provider does not have yet, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsynced_agents(&self, _limit: u16) -> Result<Vec<Agent>, StoreError> {
        todo!()
    }

    /// The voice provider has this revision of the agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_synced(&self, _agent: AgentId, _revision: i32) -> Result<(), StoreError> {
        todo!()
    }

    /// A number, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn number(&self, _id: NumberId) -> Result<Option<PhoneNumber>, StoreError> {
        todo!()
    }

    /// The agent's numbers that are not released.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn numbers_of(&self, _agent: AgentId) -> Result<Vec<PhoneNumber>, StoreError> {
        todo!()
    }

    /// Which of these are held already, by anybody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_among(&self, _numbers: &[E164]) -> Result<Vec<E164>, StoreError> {
        todo!()
    }

    /// An operation, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operation(&self, _id: OperationId) -> Result<Option<Operation>, StoreError> {
        todo!()
    }

    /// Takes the lease on one operation, unless it is over or another holds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(
        &self,
        _id: OperationId,
        _owner: uuid::Uuid,
        _lease: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        todo!()
    }

    /// Takes the leases on operations that wait to be driven or whose driver died, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_due(
        &self,
        _owner: uuid::Uuid,
        _lease: Duration,
        _limit: u16,
    ) -> Result<Vec<Claimed>, StoreError> {
        todo!()
    }

    /// Holds the lease longer.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn renew(&self, _lease: &Lease, _by: Duration) -> Result<Lease, StoreError> {
        todo!()
    }

    /// Writes what a step made of its operation. A final state, or `retry_at`, gives the lease up.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]: nothing is written.
    pub async fn record(&self, _lease: &Lease, _update: OperationUpdate) -> Result<Operation, StoreError> {
        todo!()
    }

    /// Claims a number for an operation and records its next step, in one transaction: the tenant's limit and the
    /// server's `purchases_per_hour` are counted under a lock, so that they are exact.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn claim_number(
        &self,
        _lease: &Lease,
        _claim: NumberClaim,
        _purchases_per_hour: u32,
        _update: OperationUpdate,
    ) -> Result<Result<Operation, ClaimRefused>, StoreError> {
        todo!()
    }

    /// Finds who answers a number and writes the call down, once however often it is announced.
    /// `None`: no active number of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn admit_call(&self, _id: CallId, _call: &IncomingCall) -> Result<Option<Route>, StoreError> {
        todo!()
    }

    /// Writes down what a call was answered with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_answer(
        &self,
        _id: CallId,
        _outcome: CallOutcome,
        _conversation_id: Option<&str>,
        _twiml: &str,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// A call by the carrier's id, with its agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn call_by_sid(&self, _sid: &str) -> Result<Option<(Call, Agent)>, StoreError> {
        todo!()
    }

    /// Moves a call on to a reported status, if that is ahead ([`CallStatus::then`]). `None`: unknown call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_call(
        &self,
        _sid: &str,
        _status: CallStatus,
        _duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        todo!()
    }

    /// Fills in what the voice provider says of a conversation. `None`: no call has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_conversation(
        &self,
        _conversation_id: &str,
        _duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        todo!()
    }
}
