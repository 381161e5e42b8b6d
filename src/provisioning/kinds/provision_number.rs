//! PROVISION_NUMBER: buys a number for an agent. Steps and undo are those of every purchase ([`super::purchase`]).

use serde::Serialize;

use super::purchase::{self, Purchase, PurchaseData, WantedNumber, buys_a_number};
use super::{Steps, agent_of, idempotency, insert, repeated};
use crate::domain::{
    Agent, AgentId, AgentStatus, IdempotencyKey, NumberStatus, Operation, OperationKind, Refusal, RefusalCode,
};
use crate::provisioning::Provisioning;
use crate::store::{NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps = &[purchase::SEARCH, purchase::CLAIM, purchase::BUY];

/// The input that a repeated request must match.
#[derive(Serialize)]
struct Fingerprint<'a> {
    agent: String,
    wanted: &'a WantedNumber,
    additional: bool,
}

impl Provisioning {
    /// Stores a purchase for an agent. Refused if the agent is deleted, being deleted or being created, and, unless
    /// `additional` is set, if it has a number or one is being bought for it.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn provision_number(
        &self,
        store: &TenantStore,
        agent: AgentId,
        wanted: WantedNumber,
        additional: bool,
        key: Option<IdempotencyKey>,
    ) -> Result<Operation, StoreError> {
        let fingerprint = Fingerprint { agent: agent.to_string(), wanted: &wanted, additional };
        let idempotency = idempotency(key, &fingerprint);
        // Before every check: the earlier request itself may be why this one would be refused.
        if let Some(operation) = repeated(store, OperationKind::ProvisionNumber, &idempotency).await? {
            return Ok(operation);
        }
        // Locks the agent, so that of two simultaneous requests the second sees the first one's purchase.
        let agent = agent_of(store, agent, "agentId").await?;
        may_have_a_number(store, &agent, additional).await?;
        let data = PurchaseData { purchase: Some(Purchase::new(wanted)) };
        let operation = NewOperation {
            agent_id: Some(agent.id),
            idempotency,
            ..self.new_operation(OperationKind::ProvisionNumber, &data)
        };
        insert(store, operation).await
    }
}

impl Provisioning {
    /// Stores a purchase for the stock.
    pub(in crate::provisioning) async fn purchase_for_stock(
        &self,
        store: &TenantStore,
        wanted: WantedNumber,
    ) -> Result<Operation, StoreError> {
        let data = PurchaseData { purchase: Some(Purchase::new(wanted)) };
        let operation = NewOperation {
            agent_id: Some(AgentId::STOCK),
            ..self.new_operation(OperationKind::ProvisionNumber, &data)
        };
        insert(store, operation).await
    }
}

/// Refuses a number for this agent while it cannot have one, or has one unless `additional` is set.
pub(super) async fn may_have_a_number(
    store: &TenantStore,
    agent: &Agent,
    additional: bool,
) -> Result<(), StoreError> {
    let why = match agent.status {
        _ if store.is_being_deleted(agent.id).await? => {
            Some("this agent is being deleted: create another agent")
        }
        AgentStatus::Deleted => Some("this agent is deleted: create another agent"),
        // If the creation failed, the number would be paid for without an agent.
        AgentStatus::Pending => {
            Some("this agent is still being created: wait for its operation, then try again")
        }
        AgentStatus::Active | AgentStatus::Inactive => None,
    };
    if let Some(why) = why {
        return Err(Refusal::new(RefusalCode::InvalidInput, why).at("agentId").into());
    }
    if additional {
        return Ok(());
    }
    if let Some(number) = store.held_numbers(agent.id).await?.first() {
        let why = match number.status {
            NumberStatus::Releasing => "is being released",
            _ => "is already its number",
        };
        let message = format!(
            "{} {why}: set additional to true for another number, or release this one first with releasePhoneNumber",
            number.number
        );
        return Err(Refusal::new(RefusalCode::PhoneNumberAlreadyExists, message).at("agentId").into());
    }
    let unfinished = store.unfinished_operations(agent.id).await?;
    // Not among the held numbers yet: a number is claimed only after the search.
    if let Some(buying) = unfinished.iter().find(|operation| buys_a_number(operation)) {
        let message = format!("a number is already being bought for this agent: see {}", buying.id);
        return Err(Refusal::new(RefusalCode::PhoneNumberAlreadyExists, message).at("agentId").into());
    }
    Ok(())
}
