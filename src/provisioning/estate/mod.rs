//! An estate: the numbers that an account at the carrier holds, and a run that takes many of them over.
//!
//! Each import is an ordinary operation, so a run may be killed at any time: a server finishes what was begun, and the next run skips
//! what its tenant holds already. A number that fails does not stop the others; a carrier that does not answer does.

mod account;
mod run;

pub use account::{EstateAccount, EstateAccountError};
pub use run::RunEnd;
pub(super) use run::a_few_at_a_time;

use std::collections::{HashMap, HashSet};

use tokio_util::sync::CancellationToken;

use super::kinds::{WantedImport, import_under_way};
use super::refusals::ForTenants;
use super::{Provisioning, RepointError, operation_of_mark};
use crate::carrier::{FormerSettings, OwnedNumber, Rejection};
use crate::domain::{
    Actor, AgentId, AgentStatus, Author, E164, NumberLabel, NumberStatus, OperationId, OperationState,
    PhoneNumber, Refusal, RefusalCode, TenantId,
};
pub use crate::store::Holder;
use crate::store::{Database, StoreError, TenantStore};

/// A number of an account at the carrier.
#[derive(Debug, Clone)]
pub struct EstateNumber {
    /// The number.
    pub number: E164,
    /// The carrier's id of it, `PN…`.
    pub sid: String,
    /// The carrier's name of it.
    pub name: String,
    /// What sends its calls or texts to another system, in words; empty if nothing does.
    pub elsewhere: Vec<String>,
    /// Whether its calls go to this server.
    pub is_here: bool,
    /// Whether this system, or another installation of it, bought the number.
    pub is_marked: bool,
    /// Who holds it; `None`: nobody.
    pub holder: Option<Holder>,
}

/// A number to take over, with its new owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedImport {
    /// The number.
    pub number: E164,
    /// The tenant that gets it.
    pub tenant: TenantId,
    /// The agent that answers its calls; `None`: it goes to the tenant's pool.
    pub agent: Option<AgentId>,
    /// The tenant's own name for it.
    pub label: Option<NumberLabel>,
}

/// What came of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It was taken over.
    Yes,
    /// It was not, for this reason.
    No {
        /// The reason.
        why: String,
        /// Whether the carrier, its account or the database failed, which concerns the other numbers too.
        is_outage: bool,
    },
}

impl Provisioning {
    /// Every number of an account with what is set on it and who holds it, in the order of the numbers.
    ///
    /// # Errors
    /// [`RepointError`]: nothing was changed.
    pub async fn estate(&self, account: &EstateAccount) -> Result<Vec<EstateNumber>, RepointError> {
        let carrier = self.accounts().carrier(account.id()).await?;
        let owned = carrier.owned().await?;
        let sids: HashSet<&str> = owned.iter().map(|owned| owned.sid.as_str()).collect();
        let services = carrier.messaging_services(&sids).await?;
        let numbers: Vec<E164> = owned.iter().map(|owned| owned.number.clone()).collect();
        let holders = self.0.store.holders_of(&numbers).await?;
        let read = |owned: OwnedNumber| EstateNumber {
            elsewhere: self.points_elsewhere(&owned, &services),
            is_here: FormerSettings::of(&owned).calls_go_to(|url| self.is_here(url)),
            is_marked: operation_of_mark(&owned.friendly_name).is_some(),
            holder: holders.get(&owned.number).copied(),
            number: owned.number,
            sid: owned.sid,
            name: owned.friendly_name,
        };
        let mut estate: Vec<EstateNumber> = owned.into_iter().map(read).collect();
        estate.sort_by(|one, other| one.number.as_str().cmp(other.number.as_str()));
        Ok(estate)
    }

    /// What is wrong with a plan for this account and its estate, with the position of each entry at fault. Nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn faults_of(
        &self,
        plan: &[PlannedImport],
        account: &EstateAccount,
        estate: &[EstateNumber],
    ) -> Result<Vec<(usize, String)>, StoreError> {
        let by_number: HashMap<&E164, &EstateNumber> =
            estate.iter().map(|number| (&number.number, number)).collect();
        let distinct = |ids: HashSet<TenantId>| ids.into_iter().collect::<Vec<_>>();
        let tenants = distinct(plan.iter().map(|planned| planned.tenant).collect());
        let tenants: HashSet<TenantId> = self.0.store.tenants_among(&tenants).await?.into_iter().collect();
        let agents: HashSet<AgentId> = plan.iter().filter_map(|planned| planned.agent).collect();
        let owners = self.0.store.owners_of(&agents.into_iter().collect::<Vec<_>>()).await?;
        let fault = |planned: &PlannedImport| {
            let PlannedImport { number, tenant, agent, .. } = planned;
            let owner = agent.map(|agent| owners.get(&agent));
            if let Some(only) = account.tenant().filter(|only| only != tenant) {
                return Some(format!(
                    "{number} cannot go to tenant {}: the account belongs to tenant {}, which alone can get its numbers",
                    tenant.0, only.0
                ));
            }
            match by_number.get(number) {
                None => return Some(format!("{number} is not in the carrier account")),
                Some(EstateNumber { holder: Some(holder), .. }) if holder.tenant != *tenant => {
                    return Some(format!("{number} is held by tenant {} already", holder.tenant.0));
                }
                Some(EstateNumber { holder: None, is_marked: true, name, .. }) => {
                    return Some(format!("{number} was bought by this system, as its name says: {name}"));
                }
                Some(_) => {}
            }
            if !tenants.contains(tenant) {
                return Some(format!("there is no tenant {}", tenant.0));
            }
            match (agent, owner?) {
                (Some(agent), None) => Some(format!("there is no agent {agent}")),
                (Some(agent), Some(owner)) if owner.tenant != *tenant => {
                    Some(format!("{agent} is an agent of another tenant"))
                }
                (Some(agent), Some(owner)) if owner.status == AgentStatus::Deleted => {
                    Some(format!("{agent} is deleted"))
                }
                _ => None,
            }
        };
        Ok(plan.iter().enumerate().filter_map(|(at, planned)| Some((at, fault(planned)?))).collect())
    }

    /// Takes these numbers of an account over, whatever is set on them, a few at a time, and reports each result to `on_result`. Once
    /// cancelled, it starts no further import and waits for those under way.
    pub async fn take_over(
        &self,
        database: &Database,
        account: &EstateAccount,
        plan: Vec<PlannedImport>,
        stop: &CancellationToken,
        mut on_result: impl FnMut(&PlannedImport, &Imported),
    ) -> RunEnd {
        let run_id = self.0.entropy.uuid(self.0.clock.now()).to_string();
        let take = |planned| self.take_one(database, account, planned, &run_id);
        a_few_at_a_time(plan, stop, take, |(planned, imported)| {
            on_result(&planned, &imported);
            matches!(imported, Imported::No { is_outage: true, .. })
        })
        .await
    }

    async fn take_one(
        &self,
        database: &Database,
        account: &EstateAccount,
        planned: PlannedImport,
        run_id: &str,
    ) -> (PlannedImport, Imported) {
        let imported = match self.import_planned(database, account, &planned, run_id).await {
            Ok(imported) => imported,
            Err(StoreError::Refused(refusal)) => not_imported(refusal),
            Err(failure) => {
                let is_outage = matches!(failure, StoreError::Unavailable(_) | StoreError::Busy);
                Imported::No { why: failure.to_string(), is_outage }
            }
        };
        (planned, imported)
    }

    async fn import_planned(
        &self,
        database: &Database,
        account: &EstateAccount,
        planned: &PlannedImport,
        run_id: &str,
    ) -> Result<Imported, StoreError> {
        if let Some(id) = account.id() {
            // No watch follows the accounts of a command, and its tenant may replace the credentials during the run.
            self.accounts().reread(id).await;
        }
        let author = Author { actor: Actor::System, request_id: run_id.to_owned() };
        let store = database.write_by(author, planned.tenant).await?;
        let held = store.number_by_e164(&planned.number).await?;
        let id = match held.filter(|held| held.status != NumberStatus::Released) {
            Some(held) => self.rest_of(&store, &held).await?,
            None => {
                let PlannedImport { number, label, .. } = planned.clone();
                let wanted = WantedImport { number, account: account.id(), label, replace_settings: true };
                // Needs no idempotency key: a second import of a number that is held is refused.
                self.import_number(&store, planned.agent, wanted, None).await?.id
            }
        };
        store.commit().await?;
        let operation = self.see_through(id, self.longest_purchase()).await?;
        let refusal = match (operation.state, operation.error) {
            (OperationState::Succeeded, _) => return Ok(Imported::Yes),
            (_, Some(refusal)) => refusal,
            (_, None) => {
                let why = format!("{} has not ended yet: a running server continues it", operation.id);
                return Ok(Imported::No { why, is_outage: true });
            }
        };
        // An operation that a killed run left behind may have come first.
        if refusal.code == RefusalCode::NumberTaken {
            let holders = self.0.store.holders_of(std::slice::from_ref(&planned.number)).await?;
            if holders.get(&planned.number).is_some_and(|holder| holder.tenant == planned.tenant) {
                return Ok(Imported::Yes);
            }
        }
        Ok(not_imported(refusal))
    }

    /// The operation that points a held number to this server: its import, if that has not ended, else a repair.
    ///
    /// # Errors
    /// [`StoreError`]; a number that is being released as [`StoreError::Refused`].
    async fn rest_of(&self, store: &TenantStore, held: &PhoneNumber) -> Result<OperationId, StoreError> {
        if held.status == NumberStatus::Releasing {
            let why = "the number is being released: cancel the release, or wait until it has ended";
            return Err(Refusal::new(RefusalCode::InvalidInput, why).into());
        }
        match import_under_way(store, held).await? {
            Some(import) => Ok(import.id),
            None => Ok(self.repair_number(store, held.id).await?.0.id),
        }
    }
}

fn not_imported(refusal: Refusal) -> Imported {
    // Of the account itself: it was disconnected or suspended, or its credentials were revoked, since the run began.
    let is_account = refusal.message == Rejection::Account.refusal().message
        || refusal.field.last().is_some_and(|field| field == "carrierAccountId");
    let is_outage = is_account || refusal.code == RefusalCode::CarrierUnavailable;
    Imported::No { why: refusal.message, is_outage }
}
