//! Pointing every number to this server's current address, after `WEBHOOK_BASE_URL` has changed.
//!
//! What is left to do is read from the carrier at the start of each run, and setting a number right may be repeated: a run can
//! be stopped or killed at any instant, and the next one goes on with what is left. A number that can be repaired is repaired by an
//! operation, in its tenant's audit trail. One that is being released still takes calls while its release can be taken back,
//! and cannot be repaired; it is set right directly. A number that fails does not keep the others from their turn.

use std::collections::{HashMap, VecDeque};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::Provisioning;
use super::kinds::{Setting, deviations, restore};
use super::provider_refusal;
use crate::carrier::CarrierError;
use crate::domain::{Actor, Author, NumberStatus, OperationKind, OperationState, PhoneNumber};
use crate::store::{Database, StoreError};

/// Numbers set right at the same time.
const PARALLEL: usize = 4;
/// Failures one after the other, after which no further number is begun: the carrier is in trouble.
const FAILURES_IN_A_ROW: u8 = 5;

/// What came of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repointed {
    /// It points here.
    Yes,
    /// It does not, for this reason.
    No(String),
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct RepointEnd {
    /// Numbers that were not begun.
    pub not_begun: usize,
    /// Whether that is because too many failed in a row, and not because the run was told to stop.
    pub gave_up: bool,
}

/// Why it could not be told which numbers to point here.
#[derive(Debug, thiserror::Error)]
pub enum RepointError {
    /// The carrier did not list its numbers.
    #[error("the carrier did not list the account's numbers, and nothing was changed")]
    Carrier(#[from] CarrierError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Provisioning {
    /// Every number held here that the carrier's settings do not send to this server, oldest first.
    ///
    /// # Errors
    /// [`RepointError`].
    pub async fn pointing_elsewhere(&self) -> Result<Vec<PhoneNumber>, RepointError> {
        let owned: HashMap<String, _> =
            self.carrier().owned().await?.into_iter().map(|owned| (owned.sid.clone(), owned)).collect();
        let mut held = self.0.store.expected_inventory(&[], &[], self.0.clock.now()).await?.numbers;
        held.retain(|number| {
            let owned = number.sid.as_ref().and_then(|sid| owned.get(sid));
            owned.is_some_and(|owned| !deviations(owned, &self.settings(number.operation_id)).is_empty())
        });
        Ok(held)
    }

    /// Points these numbers here, a few at a time, and tells what came of each. Once told to stop, it begins no further
    /// one and waits for those begun.
    pub async fn repoint(
        &self,
        database: &Database,
        numbers: Vec<PhoneNumber>,
        stop: &CancellationToken,
        mut tell: impl FnMut(&PhoneNumber, &Repointed),
    ) -> RepointEnd {
        let run_id = self.0.entropy.uuid(self.0.clock.now()).to_string();
        let (mut waiting, mut begun) = (VecDeque::from(numbers), FuturesUnordered::new());
        let (mut end, mut failures) = (RepointEnd::default(), 0_u8);
        loop {
            end.gave_up = failures >= FAILURES_IN_A_ROW && !waiting.is_empty();
            while begun.len() < PARALLEL
                && !stop.is_cancelled()
                && !end.gave_up
                && let Some(number) = waiting.pop_front()
            {
                begun.push(self.point_here(database, number, &run_id));
            }
            let Some((number, came_of)) = begun.next().await else { break };
            failures = if came_of == Repointed::Yes { 0 } else { failures.saturating_add(1) };
            tell(&number, &came_of);
        }
        end.not_begun = waiting.len();
        end
    }

    async fn point_here(
        &self,
        database: &Database,
        number: PhoneNumber,
        run_id: &str,
    ) -> (PhoneNumber, Repointed) {
        let done = if number.status == NumberStatus::Releasing {
            self.point_releasing(database, &number, run_id).await
        } else {
            self.point_held(database, &number, run_id).await
        };
        let came_of = match done {
            Ok(came_of) => came_of,
            Err(StoreError::Refused(refusal)) => Repointed::No(refusal.message),
            Err(failure) => Repointed::No(failure.to_string()),
        };
        (number, came_of)
    }

    async fn point_held(
        &self,
        database: &Database,
        number: &PhoneNumber,
        run_id: &str,
    ) -> Result<Repointed, StoreError> {
        let store = database.write_by(author(run_id), number.tenant_id).await?;
        let (operation, _) = self.repair_number(&store, number.id).await?;
        store.commit().await?;
        let operation = self.see_through(operation.id, self.longest_purchase()).await?;
        Ok(match (operation.state, operation.error) {
            (OperationState::Succeeded, _) => Repointed::Yes,
            (_, Some(refusal)) => Repointed::No(refusal.message),
            (_, None) => {
                Repointed::No(format!("{} is not over yet: a running server sees to it", operation.id))
            }
        })
    }

    async fn point_releasing(
        &self,
        database: &Database,
        number: &PhoneNumber,
        run_id: &str,
    ) -> Result<Repointed, StoreError> {
        let Some(sid) = &number.sid else { return Ok(Repointed::Yes) };
        let store = database.write_by(author(run_id), number.tenant_id).await?;
        store.audit_intent(OperationKind::RepairNumber.audit_action(), number.id).await?;
        store.commit().await?;
        Ok(match restore(self, sid, &self.settings(number.operation_id)).await {
            // Gone: its release was carried out meanwhile.
            Ok(Setting::Right | Setting::Gone) => Repointed::Yes,
            Ok(Setting::Different) => Repointed::No("the carrier has not taken the settings".to_owned()),
            Err(failure) => Repointed::No(provider_refusal(&failure).message),
        })
    }
}

fn author(run_id: &str) -> Author {
    Author { actor: Actor::System, request_id: run_id.to_owned() }
}
