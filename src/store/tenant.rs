//! A tenant's door.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{PageOf, PageRequest, StoreError};
use crate::domain::{
    Agent, AgentId, AgentName, AgentStatus, AgentToken, Call, CallId, CallStatus, CountryCode, E164,
    IdempotencyKey, Language, NumberId, NumberStatus, Operation, OperationId, OperationKind, PhoneNumber,
    Prompt, Step, Tenant, TenantId, VoiceId,
};

/// One tenant's rows, in one transaction. Statements run one after the other; shared by all resolvers of a query.
#[derive(Debug)]
pub struct TenantStore {}

/// Which agents.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only these; without it all but the deleted ones.
    pub status: Option<AgentStatus>,
    /// Only names that hold this text, whatever the case.
    pub name_contains: Option<String>,
}

/// Which numbers.
#[derive(Debug, Clone, Default)]
pub struct NumberFilter {
    /// Only these; without it all but the released ones.
    pub status: Option<NumberStatus>,
    /// Only this agent's.
    pub agent: Option<AgentId>,
    /// Only this country's.
    pub country: Option<CountryCode>,
}

/// Which calls.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Only this agent's.
    pub agent: Option<AgentId>,
    /// Only this number's.
    pub number: Option<NumberId>,
    /// Only these.
    pub status: Option<CallStatus>,
    /// Only those that came in at or after this instant.
    pub started_after: Option<DateTime<Utc>>,
    /// Only those that came in before this instant.
    pub started_before: Option<DateTime<Utc>>,
}

/// What to change about an agent: `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct AgentChanges {
    /// The name.
    pub name: Option<AgentName>,
    /// The language.
    pub language: Option<Language>,
    /// The greeting.
    pub first_message: Option<Option<String>>,
    /// The prompt.
    pub prompt: Option<Option<Prompt>>,
    /// The voice.
    pub voice_id: Option<Option<VoiceId>>,
    /// The fallback number.
    pub fallback_number: Option<Option<E164>>,
    /// Active or inactive.
    pub status: Option<AgentStatus>,
}

/// An operation to be written down.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Its id.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// Its first step.
    pub step: Step,
    /// The agent it is about.
    pub agent_id: AgentId,
    /// The number it is about, when there is one already.
    pub number_id: Option<NumberId>,
    /// What was asked for.
    pub data: serde_json::Value,
    /// The client's name for the request, and the SHA-256 of the request's other input in hexadecimal.
    pub idempotency: Option<(IdempotencyKey, String)>,
}

/// What became of a new operation.
#[derive(Debug, Clone)]
pub enum Inserted {
    /// It was written down.
    New(Operation),
    /// The same request was made before: this is its operation. Nothing was written.
    Repeated(Operation),
}

/// What a tenant used in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthUsage {
    /// Numbers held at any time in the month.
    pub phone_numbers: i64,
    /// Their monthly costs, added up.
    pub phone_numbers_cost: rust_decimal::Decimal,
    /// Calls that came in.
    pub calls: i64,
    /// Minutes, each call rounded up.
    pub minutes: i64,
}

impl TenantStore {
    /// Whose door this is.
    #[must_use]
    pub fn tenant_id(&self) -> TenantId {
        todo!()
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is kept.
    pub async fn commit(self) -> Result<(), StoreError> {
        todo!()
    }

    /// The tenant itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tenant(&self) -> Result<Tenant, StoreError> {
        todo!()
    }

    /// Calls under way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn active_calls(&self) -> Result<i64, StoreError> {
        todo!()
    }

    /// What was used in the month that begins at `from` and ends before `until`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn usage(&self, _from: DateTime<Utc>, _until: DateTime<Utc>) -> Result<MonthUsage, StoreError> {
        todo!()
    }

    /// Writes a new agent down, with its token's hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_agent(&self, _agent: &Agent, _token: &AgentToken) -> Result<(), StoreError> {
        todo!()
    }

    /// These agents, in no order; those that are not the tenant's are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents_by_id(&self, _ids: &[AgentId]) -> Result<Vec<Agent>, StoreError> {
        todo!()
    }

    /// One agent, kept from changing until the transaction ends when this is a writing door.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agent(&self, _id: AgentId) -> Result<Option<Agent>, StoreError> {
        todo!()
    }

    /// A page of agents, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn agents(
        &self,
        _filter: &AgentFilter,
        _page: PageRequest,
    ) -> Result<PageOf<Agent>, StoreError> {
        todo!()
    }

    /// How many agents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_agents(&self, _filter: &AgentFilter) -> Result<i64, StoreError> {
        todo!()
    }

    /// Changes an agent; `revision` grows when the voice provider must learn of it. Returns it as it is now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update_agent(
        &self,
        _id: AgentId,
        _changes: AgentChanges,
    ) -> Result<Option<Agent>, StoreError> {
        todo!()
    }

    /// Gives an agent another token; the old one is worthless at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_agent_token(
        &self,
        _id: AgentId,
        _token: &AgentToken,
    ) -> Result<Option<Agent>, StoreError> {
        todo!()
    }

    /// These numbers, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn numbers_by_id(&self, _ids: &[NumberId]) -> Result<Vec<PhoneNumber>, StoreError> {
        todo!()
    }

    /// The tenant's number with this E.164: the one it holds, else the one it held last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn number_by_e164(&self, _number: &E164) -> Result<Option<PhoneNumber>, StoreError> {
        todo!()
    }

    /// The oldest active number of each of these agents.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first_numbers(
        &self,
        _agents: &[AgentId],
    ) -> Result<HashMap<AgentId, PhoneNumber>, StoreError> {
        todo!()
    }

    /// The agent's numbers that are not released.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_numbers(&self, _agent: AgentId) -> Result<Vec<PhoneNumber>, StoreError> {
        todo!()
    }

    /// A page of numbers, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn numbers(
        &self,
        _filter: &NumberFilter,
        _page: PageRequest,
    ) -> Result<PageOf<PhoneNumber>, StoreError> {
        todo!()
    }

    /// How many numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_numbers(&self, _filter: &NumberFilter) -> Result<i64, StoreError> {
        todo!()
    }

    /// Marks an active or inactive number as about to be released; `None` when it is the tenant's in no such state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_release(&self, _id: NumberId) -> Result<Option<PhoneNumber>, StoreError> {
        todo!()
    }

    /// Writes an operation down, unless the same request was made before.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] when the key was used with other input.
    pub async fn insert_operation(&self, _operation: NewOperation) -> Result<Inserted, StoreError> {
        todo!()
    }

    /// The operation of an earlier request with this key, if its kind and input were the same.
    ///
    /// # Errors
    /// `IDEMPOTENCY_KEY_REUSED` as [`StoreError::Refused`] when they were not.
    pub async fn repeated_operation(
        &self,
        _kind: OperationKind,
        _key: &IdempotencyKey,
        _input_hash: &str,
    ) -> Result<Option<Operation>, StoreError> {
        todo!()
    }

    /// These operations, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations_by_id(&self, _ids: &[OperationId]) -> Result<Vec<Operation>, StoreError> {
        todo!()
    }

    /// The unfinished operations on this agent, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unfinished_operations(&self, _agent: AgentId) -> Result<Vec<Operation>, StoreError> {
        todo!()
    }

    /// These calls, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls_by_id(&self, _ids: &[CallId]) -> Result<Vec<Call>, StoreError> {
        todo!()
    }

    /// A page of calls, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls(&self, _filter: &CallFilter, _page: PageRequest) -> Result<PageOf<Call>, StoreError> {
        todo!()
    }

    /// How many calls.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_calls(&self, _filter: &CallFilter) -> Result<i64, StoreError> {
        todo!()
    }

    /// Adds to the audit trail, in the same transaction as the change it tells of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(
        &self,
        _actor: &str,
        _action: &str,
        _subject: Option<&str>,
        _request_id: &str,
    ) -> Result<(), StoreError> {
        todo!()
    }
}
