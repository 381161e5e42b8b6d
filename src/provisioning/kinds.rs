//! The kinds of operations, a file each: what is asked for, its steps and their undo.

use crate::domain::{
    Agent, AgentId, AgentName, AgentToken, AreaCode, CountryCode, E164, IdempotencyKey, Language, NumberId,
    NumberType, Operation, PhoneNumber, Prompt, VoiceId,
};
use crate::provisioning::Provisioning;
use crate::store::{StoreError, TenantStore};

/// Which number to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedNumber {
    /// The country.
    pub country: CountryCode,
    /// The area code, where the country has them.
    pub area_code: Option<AreaCode>,
    /// What kind of number.
    pub kind: NumberType,
    /// This one exactly.
    pub number: Option<E164>,
    /// Whether any other number of the country will do.
    pub any_in_country: bool,
}

/// What a new agent should be.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// Its name.
    pub name: AgentName,
    /// What it speaks.
    pub language: Language,
    /// What it says first.
    pub first_message: Option<String>,
    /// How it should behave.
    pub prompt: Option<Prompt>,
    /// The provider's voice.
    pub voice_id: Option<VoiceId>,
    /// Where calls go when it cannot take them.
    pub fallback_number: Option<E164>,
    /// The number to buy for it; `None`: no number.
    pub number: Option<WantedNumber>,
}

impl Provisioning {
    /// Writes a new agent and its operation down. The token is `None` when the same request was made before: it
    /// was shown then. Errors of input come as `StoreError::Refused`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_agent(
        &self,
        _store: &TenantStore,
        _agent: NewAgent,
        _key: Option<IdempotencyKey>,
    ) -> Result<(Operation, Option<AgentToken>), StoreError> {
        todo!()
    }

    /// Writes a purchase for an agent down. Refused when the agent has a number and `additional` is false, is
    /// deleted, or has an unfinished operation.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn provision_number(
        &self,
        _store: &TenantStore,
        _agent: AgentId,
        _wanted: WantedNumber,
        _additional: bool,
        _key: Option<IdempotencyKey>,
    ) -> Result<Operation, StoreError> {
        todo!()
    }

    /// Marks a number as about to be released and writes the operation down.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_number(
        &self,
        _store: &TenantStore,
        _id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        todo!()
    }

    /// Writes a repair of a number's webhooks down.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repair_number(
        &self,
        _store: &TenantStore,
        _id: NumberId,
    ) -> Result<(Operation, PhoneNumber), StoreError> {
        todo!()
    }

    /// Takes an agent out of service and writes its deletion down: its numbers are given back first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_agent(
        &self,
        _store: &TenantStore,
        _id: AgentId,
    ) -> Result<(Operation, Agent), StoreError> {
        todo!()
    }
}
