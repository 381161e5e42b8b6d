//! Points every number to this server's current address after a change of `WEBHOOK_BASE_URL`.
//!
//! Each run reads the remaining numbers from the carrier, and updating a number is safe to repeat, so a run may be killed at
//! any instant and the next one continues. An operation repairs each number, in its tenant's audit trail. A number that is
//! being released takes calls until then: the settings of one that goes back to the carrier are updated directly. One that gets
//! its former settings back is repaired while its release is ahead, and left alone afterwards. A failure of one number does
//! not stop the others.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::Provisioning;
use super::estate::{RunEnd, a_few_at_a_time};
use super::kinds::{Setting, deviations, released_by, restore};
use super::provider_refusal;
use crate::carrier::CarrierError;
use crate::domain::{Actor, Author, NumberStatus, OperationKind, OperationState, PhoneNumber};
use crate::store::{Database, StoreError};

/// The result for one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repointed {
    /// The number points to this server.
    Yes,
    /// The number does not point to this server, for this reason.
    No(String),
    /// The number is given up: nothing has to be done.
    GivenUp,
}

/// Why the numbers to update could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum RepointError {
    /// The carrier did not list the account's numbers.
    #[error("the carrier did not list the account's numbers, and nothing was changed")]
    Carrier(#[from] CarrierError),
    /// The database failed while the held numbers were read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Provisioning {
    /// Every held number with settings at the carrier that do not send its calls to this server, oldest first.
    ///
    /// # Errors
    /// [`RepointError`]; nothing was changed.
    pub async fn pointing_elsewhere(&self) -> Result<Vec<PhoneNumber>, RepointError> {
        let mut owned: HashMap<String, _> =
            self.carrier().owned().await?.into_iter().map(|owned| (owned.sid.clone(), owned)).collect();
        for account in self.accounts().all().into_iter().flatten() {
            // A tenant's account that is not listed does not keep the others' numbers from being pointed here.
            let listed = async { self.accounts().carrier(Some(account.id)).await?.owned().await };
            match Box::pin(listed).await {
                Ok(listed) => owned.extend(listed.into_iter().map(|owned| (owned.sid.clone(), owned))),
                Err(failure) => {
                    tracing::warn!(account = account.sid, %failure, "numbers of a tenant's account not listed: they are left out");
                }
            }
        }
        let mut held = self.0.store.expected_inventory(&[], &[], self.0.clock.now()).await?.numbers;
        held.retain(|number| {
            let owned = number.sid.as_ref().and_then(|sid| owned.get(sid));
            // A number that the carrier does not list is left to reconciliation.
            owned.is_some_and(|owned| !deviations(owned, &self.settings_of(number)).is_empty())
        });
        let mut elsewhere = Vec::with_capacity(held.len());
        for number in held {
            // One that is being given back has its former settings, or gets them.
            let may_be_given_back = number.status == NumberStatus::Releasing && !number.origin.is_bought();
            if !may_be_given_back || !self.0.store.is_being_given_up(&number).await? {
                elsewhere.push(number);
            }
        }
        Ok(elsewhere)
    }

    /// Points these numbers to this server, a few at a time, and reports each result to `on_result`. Once cancelled, it starts no
    /// further number and waits for those under way.
    pub async fn repoint(
        &self,
        database: &Database,
        numbers: Vec<PhoneNumber>,
        stop: &CancellationToken,
        mut on_result: impl FnMut(&PhoneNumber, &Repointed),
    ) -> RunEnd {
        let run_id = self.0.entropy.uuid(self.0.clock.now()).to_string();
        let point = |number| self.point_here(database, number, &run_id);
        a_few_at_a_time(numbers, stop, point, |(number, repointed)| {
            on_result(&number, &repointed);
            // The carrier is most likely unavailable if several fail in a row.
            matches!(repointed, Repointed::No(_))
        })
        .await
    }

    async fn point_here(
        &self,
        database: &Database,
        number: PhoneNumber,
        run_id: &str,
    ) -> (PhoneNumber, Repointed) {
        let done = self.point_as_it_is_now(database, &number, run_id).await;
        let repointed = match done {
            Ok(repointed) => repointed,
            Err(StoreError::Refused(refusal)) => Repointed::No(refusal.message),
            Err(failure) => Repointed::No(failure.to_string()),
        };
        (number, repointed)
    }

    /// Points a number here in the way that fits its present state: the list that names it may be old.
    async fn point_as_it_is_now(
        &self,
        database: &Database,
        listed: &PhoneNumber,
        run_id: &str,
    ) -> Result<Repointed, StoreError> {
        let store = database.write_by(author(run_id), listed.tenant_id).await?;
        let number = store.numbers_by_id(&[listed.id]).await?.pop();
        let Some(number) = number.filter(|number| number.status != NumberStatus::Released) else {
            return Ok(Repointed::GivenUp);
        };
        let is_released =
            number.status == NumberStatus::Releasing && released_by(&store, &number).await?.is_some();
        if is_released && number.origin.is_bought() {
            // Committed before the request: a run that is killed still leaves its entry.
            store.audit_intent(OperationKind::RepairNumber.audit_action(), number.id).await?;
            store.commit().await?;
            return Ok(self.point_releasing(&number).await);
        }
        let operation = if is_released {
            self.begin_repair(&store, &number).await?
        } else {
            self.repair_number(&store, number.id).await?.0
        };
        store.commit().await?;
        let operation = self.see_through(operation.id, self.longest_purchase()).await?;
        let why = match (operation.state, operation.error) {
            (OperationState::Succeeded, _) => return Ok(Repointed::Yes),
            (_, Some(refusal)) => refusal.message,
            (_, None) => format!("{} has not ended yet: a running server continues it", operation.id),
        };
        let is_given_up = !number.origin.is_bought() && self.0.store.is_being_given_up(&number).await?;
        Ok(if is_given_up { Repointed::GivenUp } else { Repointed::No(why) })
    }

    /// Sets the address of a number that goes back to the carrier, and takes calls until then.
    async fn point_releasing(&self, number: &PhoneNumber) -> Repointed {
        // Cannot be missing: only numbers with the carrier's id are found to point elsewhere.
        let Some(sid) = &number.sid else { return Repointed::GivenUp };
        match restore(self.carrier_of(number).await, sid, &self.settings_of(number)).await {
            Ok(Setting::Right) => Repointed::Yes,
            // Its release was carried out meanwhile.
            Ok(Setting::Gone) => Repointed::GivenUp,
            Ok(Setting::Different) => Repointed::No("the carrier did not apply the settings".to_owned()),
            Err(failure) => Repointed::No(provider_refusal(&failure).message),
        }
    }
}

fn author(run_id: &str) -> Author {
    Author { actor: Actor::System, request_id: run_id.to_owned() }
}
