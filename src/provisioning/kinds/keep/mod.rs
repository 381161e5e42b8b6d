//! KEEP_NUMBER: buys the number that calls to a number of another carrier are forwarded to. Steps and undo are those of every
//! purchase ([`super::purchase`]); the record of the kept number gets its target, or the reason why there is none, with the end of
//! the operation.
//!
//! PORT_NUMBER ports the number itself: [`port`] requests the port, [`follow`] follows it to its end, [`emergency`] registers the
//! emergency address of the number.

mod emergency;
mod follow;
mod port;
mod stored;
mod words;

pub use port::{PortData, WantedPort};

use serde::Serialize;

use super::provision_number::may_have_a_number;
use super::purchase::{self, Purchase, PurchaseData, WantedNumber};
use super::{Runner, Steps, agent_of, idempotency, insert, present, repeated};
use crate::domain::{
    AgentId, AreaCode, CountryCode, E164, IdempotencyKey, KeptNumber, KeptNumberId, NumberStatus, NumberType,
    Operation, OperationKind, Portability, Refusal, RefusalCode, Step,
};
use crate::provisioning::outcome::{Outcome, Progress};
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{Lease, NewOperation, StoreError, TenantStore};

pub(super) const STEPS: Steps = &[
    (Step::SearchNumbers, |driver, operation, lease| Box::pin(search_target(driver, operation, lease))),
    purchase::CLAIM,
    purchase::BUY,
];

pub(super) use port::STEPS as PORT_STEPS;

/// The request to keep a number.
#[derive(Debug, Clone)]
pub struct WantedToKeep {
    /// The number at another carrier.
    pub number: E164,
    /// The agent that its calls are for.
    pub agent: AgentId,
    /// Area code of the target; that of the number if `None`.
    pub area_code: Option<AreaCode>,
}

/// The input that a repeated request must match.
#[derive(Serialize)]
struct Fingerprint<'a> {
    number: &'a E164,
    agent: String,
    area_code: Option<&'a AreaCode>,
}

impl Provisioning {
    /// Stores a number to keep, and the purchase of its target.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn keep_number(
        &self,
        store: &TenantStore,
        wanted: WantedToKeep,
        key: Option<IdempotencyKey>,
    ) -> Result<(Operation, KeptNumber), StoreError> {
        let WantedToKeep { number, agent, area_code } = wanted;
        let fingerprint =
            Fingerprint { number: &number, agent: agent.to_string(), area_code: area_code.as_ref() };
        let idempotency = idempotency(key, &fingerprint);
        if let Some(operation) = repeated(store, OperationKind::KeepNumber, &idempotency).await? {
            let kept = store.kept_by_operation(operation.id).await?;
            return Ok((operation, present(kept, "kept_numbers")?));
        }
        // Locks the agent.
        let agent = agent_of(store, agent, "agentId").await?;
        may_have_a_number(store, &agent, true).await?;
        if agent.fallback_number.as_ref() == Some(&number) {
            let why = "the agent's fallback number is this number, so that calls would go round: change the fallback number first";
            return Err(Refusal::new(RefusalCode::InvalidInput, why).at("number").into());
        }
        let country = may_be_kept(store, &number).await?;
        let wanted = WantedNumber {
            country,
            area_code: area_code.or_else(|| own_area_code(&number, country)),
            kind: NumberType::Local,
            number: None,
            // Nobody sees the target: a number from elsewhere is better than none.
            any_in_country: true,
            label: None,
        };
        let data = PurchaseData { purchase: Some(Purchase::new(wanted)) };
        let operation = NewOperation {
            agent_id: Some(agent.id),
            idempotency,
            ..self.new_operation(OperationKind::KeepNumber, &data)
        };
        let operation = insert(store, operation).await?;
        let id = KeptNumberId(self.0.entropy.uuid(self.0.clock.now()));
        let kept = store.keep_number(id, agent.id, &number, operation.id).await?;
        Ok((operation, kept))
    }

    /// Asks the carrier whether a number can be ported.
    ///
    /// # Errors
    /// The carrier rejected the question or is unavailable.
    pub async fn portability(&self, number: &E164) -> Result<Portability, Refusal> {
        if let Some(why) = words::never_portable(number) {
            let kind = number.line();
            return Ok(Portability { is_portable: false, reason: Some(why), kind, is_pin_required: false });
        }
        let known = self.carrier().portability(number).await.map_err(|failure| provider_refusal(&failure))?;
        let reason = (!known.is_portable).then(|| words::not_portable(known.code, known.reason.as_deref()));
        Ok(Portability {
            is_portable: known.is_portable,
            reason,
            kind: known.kind,
            is_pin_required: known.is_pin_required,
        })
    }
}

/// The number's country, if the tenant can keep the number.
async fn may_be_kept(store: &TenantStore, number: &E164) -> Result<CountryCode, StoreError> {
    let refused = |why: String| StoreError::from(Refusal::new(RefusalCode::InvalidInput, why).at("number"));
    let own = store.number_by_e164(number).await?;
    if own.is_some_and(|own| own.status != NumberStatus::Released) {
        return Err(refused(format!("{number} is one of your numbers already: nothing has to be forwarded")));
    }
    if let Some(kept) = store.kept_by_number(number).await? {
        return Err(refused(format!("{number} is kept already: see {}", kept.id)));
    }
    let unknown =
        || refused(format!("{number} belongs to no country known here, so that no target can be bought"));
    number.country().ok_or_else(unknown)
}

/// The area code of the number, if numbers are sold by it.
fn own_area_code(number: &E164, country: CountryCode) -> Option<AreaCode> {
    let code = number.area_code().filter(|_| country.has_area_codes())?;
    country.area_code(NumberType::Local, code).ok()
}

/// Step: search for a target, unless the number is held here by anybody.
async fn search_target(
    driver: &Provisioning,
    operation: &Operation,
    lease: &Lease,
) -> Result<Outcome, StoreError> {
    let kept = present(driver.0.store.kept_of_keep(operation.id).await?, "kept_numbers")?;
    let now = driver.0.clock.now();
    // Only numbers that are held: a number in quarantine may be at another carrier by now.
    let held =
        driver.0.store.barred_among(std::slice::from_ref(&kept.number), operation.tenant_id, now).await?;
    if !held.is_empty() {
        let why = format!("{} is in use on this server already: check the number", kept.number);
        let refusal = Refusal::new(RefusalCode::NumberTaken, why).at("number");
        return Ok(Outcome::Failed(refusal, Progress::of(operation)));
    }
    let (_, search): (Step, Runner) = purchase::SEARCH;
    search(driver, operation, lease).await
}
