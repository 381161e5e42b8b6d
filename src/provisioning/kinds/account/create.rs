//! CREATE_CARRIER_ACCOUNT: creates the subaccount in which a tenant's numbers are bought. The first purchase starts it and waits.
//!
//! A row with the operation's id is stored first, and a tenant can have one such row: two purchases at the same time create one
//! subaccount. Its name at the carrier is our mark, by which it is found after a lost answer. The undo removes the row.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use crate::carrier::{CarrierError, Rejection, Subaccount};
use crate::domain::{
    CarrierAccountId, Operation, OperationId, OperationKind, OperationState, Refusal, RefusalCode, Step,
    TenantId,
};
use crate::provisioning::kinds::{Steps, insert, read_data};
use crate::provisioning::outcome::{Outcome, Patience, Pause, Progress, unsettled_for};
use crate::provisioning::refusals::unsettled;
use crate::provisioning::{MARK, Provisioning, provider_refusal};
use crate::store::{Effect, StoreError};

pub(in crate::provisioning::kinds) const STEPS: Steps =
    &[(Step::CreateCarrierAccount, |driver, operation, _| Box::pin(create_account(driver, operation)))];

/// How long a purchase waits for the subaccount in one attempt.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause before a purchase looks again.
const PAUSE: Duration = Duration::from_secs(1);

/// Data of a CREATE_CARRIER_ACCOUNT operation.
#[derive(Serialize, Deserialize)]
struct CreateData {
    /// Our id of the account.
    account: Uuid,
}

impl Provisioning {
    /// The account in which an operation buys a number: the tenant's own, else its subaccount, which is created if necessary, else the
    /// platform's (`None`). The inner error is the outcome of the step while there is none.
    pub(in crate::provisioning::kinds) async fn account_for_purchases(
        &self,
        operation: &Operation,
    ) -> Result<Result<Option<CarrierAccountId>, Outcome>, StoreError> {
        let (store, tenant) = (&self.0.store, operation.tenant_id);
        if let Some(own) = store.own_account_of(tenant).await? {
            return Ok(Ok(Some(own)));
        }
        // The stock belongs to no tenant, so that any may take from it.
        if !self.0.accounts.has_subaccounts() || tenant == TenantId::STOCK {
            return Ok(Ok(None));
        }
        let failed = |because| Ok(Err(Outcome::Failed(because, Progress::of(operation))));
        let created_by = match store.subaccount_of(tenant).await? {
            Some(known) if known.is_created && known.is_active => return Ok(Ok(Some(known.id))),
            Some(known) if known.is_created => {
                let why = "the tenant's account at the carrier is not active: see carrierAccounts";
                return failed(Refusal::new(RefusalCode::CarrierRejected, why));
            }
            Some(known) => known.created_by,
            None => self.begin_subaccount(tenant, operation.id).await?,
        };
        let Some(created_by) = created_by else { return Ok(Err(later(operation))) };
        let created = Box::pin(self.see_through(created_by, PATIENCE)).await?;
        match (created.state, created.error) {
            (OperationState::Failed, Some(because)) => failed(because),
            (OperationState::Succeeded, _) => match store.subaccount_of(tenant).await? {
                Some(known) if known.is_created => Ok(Ok(Some(known.id))),
                _ => Ok(Err(later(operation))),
            },
            _ => Ok(Err(later(operation))),
        }
    }

    /// Stores that a subaccount is to be created for the tenant. `None` if another operation creates it.
    async fn begin_subaccount(
        &self,
        tenant: TenantId,
        cause: OperationId,
    ) -> Result<Option<OperationId>, StoreError> {
        let account = CarrierAccountId(self.0.entropy.uuid(self.0.clock.now()));
        let new = self.new_operation(OperationKind::CreateCarrierAccount, &CreateData { account: account.0 });
        let store = self.0.store.write_as(tenant, cause.to_string()).await?;
        if !store.insert_subaccount(account, new.id).await? {
            return Ok(None);
        }
        let operation = insert(&store, new).await?;
        store.commit().await?;
        Ok(Some(operation.id))
    }
}

/// The outcome of a purchase that waits for the subaccount.
fn later(operation: &Operation) -> Outcome {
    let why = "the tenant's account at the carrier is being created: the number is bought afterwards";
    Outcome::WaitUntil(Pause {
        because: Refusal::new(RefusalCode::CarrierUnavailable, why),
        progress: Progress::of(operation),
        wait: PAUSE,
        outcome_unknown: false,
    })
}

/// Step: find the subaccount by its name, or create it.
async fn create_account(driver: &Provisioning, operation: &Operation) -> Result<Outcome, StoreError> {
    let account = CarrierAccountId(read_data::<CreateData>(operation)?.account);
    let undo = || vec![Effect::SubaccountAbandoned { account }];
    let failed = |failure: &CarrierError| Outcome::failed(operation, failure, undo(), Patience::UntilSettled);
    let name = format!("{MARK}{}", operation.id);
    // Before every request: the same request sent twice creates two.
    let found = match driver.carrier().subaccounts_named(&name).await {
        Ok(found) => found.into_iter().next(),
        Err(failure) => return Ok(failed(&failure)),
    };
    if let Some(found) = found {
        return Ok(created(driver, operation, account, &found));
    }
    if let Some(wait) = unsettled_for(operation, driver.0.clock.now()) {
        return Ok(Outcome::WaitUntil(Pause {
            because: unsettled::<Rejection>(),
            progress: Progress::of(operation),
            wait,
            outcome_unknown: false,
        }));
    }
    Ok(match driver.carrier().create_subaccount(&name).await {
        Ok(new) => created(driver, operation, account, &new),
        // No earlier request can have created it: the look-up came after the time in which one may still be carried out.
        Err(failure) if failure.is_definitive() => {
            warn!(operation = %operation.id, %failure, "carrier rejected the creation of a subaccount");
            Outcome::Failed(provider_refusal(&failure), Progress::of(operation).with(undo()))
        }
        Err(failure) => failed(&failure),
    })
}

fn created(
    driver: &Provisioning,
    operation: &Operation,
    account: CarrierAccountId,
    subaccount: &Subaccount,
) -> Outcome {
    let sid = subaccount.sid.clone();
    match driver.0.accounts.seal(account, &sid, &subaccount.auth_token) {
        Ok(token) => {
            Outcome::Done(Progress::of(operation).with([Effect::SubaccountCreated { account, sid, token }]))
        }
        // The account is there: another server, or this one with a key, takes it over.
        Err(_) => {
            let why = "the operator must set ENCRYPTION_KEY: the token of the tenant's carrier account cannot be stored";
            let because = Refusal::new(RefusalCode::CarrierUnavailable, why);
            Outcome::retry_endlessly(because, Progress::of(operation))
        }
    }
}
