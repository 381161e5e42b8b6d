//! Bulk purchase: buys a number for every agent that has none, a few at a time.
//!
//! Each purchase is an ordinary operation, so a run may be killed at any time: a server or the next run continues
//! unfinished purchases, and no agent gets a second number. An agent with an unreadable row is skipped. Only an
//! unavailable database ends a run.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use super::Provisioning;
use super::kinds::WantedNumber;
use crate::domain::{
    Actor, Author, OperationId, OperationState, PhoneNumber, Refusal, RefusalCode, TenantId, UsedUp,
};
pub use crate::store::AgentWithoutNumber;
use crate::store::{Database, StoreError};

/// Agents read per query.
const PAGE: u16 = 200;
/// Maximum number of concurrent purchases.
const PARALLEL: usize = 4;
/// Number of consecutive carrier failures after which a run starts no further purchases.
const FAILURES_IN_A_ROW: u8 = 3;
/// How long a run waits for one purchase, on top of the time after which another driver takes over a dead one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result for one agent.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum NumberGiven {
    /// This number was bought for the agent.
    Bought(PhoneNumber),
    /// No number was bought, for this reason.
    Without(Refusal),
    /// The purchase did not finish in time. It continues in the background.
    UnderWay(OperationId),
    /// The database failed. The agent may or may not have a number; the next run checks again.
    Failed(StoreError),
    /// The agent no longer needs a number: it has got one meanwhile, or was deleted.
    NotNeeded(Refusal),
}

/// How a run ended.
#[derive(Debug)]
pub struct BulkEnd {
    /// Why the run stopped early; `None` if it processed every agent.
    pub because: Option<EndedEarly>,
    /// Number of agents whose purchase was not started, or was not followed to its end because
    /// the database became unavailable.
    pub not_begun: usize,
}

/// Why a run ended before it had processed every agent.
#[derive(Debug)]
pub enum EndedEarly {
    /// The run was cancelled.
    Stopped,
    /// No further number can be bought now.
    Refused(Refusal),
    /// The database was unavailable.
    Failed(StoreError),
}

/// State of a run, derived from its results so far.
#[derive(Default)]
struct Run {
    /// Tenants that have reached the limit of their plan or of purchases an hour, each with that refusal.
    full: HashMap<TenantId, Refusal>,
    failures_in_a_row: u8,
    ended: Option<EndedEarly>,
}

impl Run {
    fn learn(&mut self, agent: &AgentWithoutNumber, given: &NumberGiven) {
        let carrier_failed = match given {
            // Its driver is most likely waiting for a carrier that does not answer.
            NumberGiven::UnderWay(_) => Some(unanswered()),
            NumberGiven::Without(refusal) => match (refusal.code, refusal.used_up) {
                (_, Some(UsedUp::PurchasesPerHour)) => {
                    // Concerns all tenants: no further purchase can succeed now.
                    self.ended.get_or_insert_with(|| EndedEarly::Refused(refusal.clone()));
                    None
                }
                (_, Some(UsedUp::Plan | UsedUp::TenantPurchasesPerHour)) => {
                    // Concerns this tenant only: the others continue.
                    self.full.insert(agent.tenant_id, refusal.clone());
                    None
                }
                (RefusalCode::CarrierUnavailable | RefusalCode::CarrierRejected, None) => {
                    Some(refusal.clone())
                }
                _ => None,
            },
            NumberGiven::Bought(_) | NumberGiven::NotNeeded(_) | NumberGiven::Failed(_) => None,
        };
        let Some(refusal) = carrier_failed else {
            // One purchase may fail at the carrier for a reason of its own; only a row of them points to the carrier.
            self.failures_in_a_row = 0;
            return;
        };
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        if self.failures_in_a_row >= FAILURES_IN_A_ROW {
            self.ended.get_or_insert(EndedEarly::Refused(refusal));
        }
    }
}

fn unanswered() -> Refusal {
    Refusal::new(RefusalCode::CarrierUnavailable, "purchases exceed their time limit: try again later")
}

impl Provisioning {
    /// Returns every active agent without a bought number, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] of any page; a partial list is never returned.
    pub async fn agents_without_number(&self) -> Result<Vec<AgentWithoutNumber>, StoreError> {
        let mut agents: Vec<AgentWithoutNumber> = Vec::new();
        loop {
            let after = agents.last().map(|agent| agent.id);
            let page = self.0.store.agents_without_number(after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            agents.extend(page);
        }
        Ok(agents)
    }

    /// How long a run waits for the purchase of one agent.
    #[must_use]
    pub fn longest_purchase(&self) -> Duration {
        self.0.config.lease + PATIENCE
    }

    /// Buys a number for each of these agents, a few at a time, and passes each result to `on_result`. When the run is
    /// cancelled, or no more numbers can be bought, it starts no further purchases and waits for those under way.
    pub async fn give_numbers(
        &self,
        database: &Database,
        mut agents: Vec<AgentWithoutNumber>,
        wanted: &WantedNumber,
        stop: &CancellationToken,
        mut on_result: impl FnMut(&AgentWithoutNumber, &NumberGiven),
    ) -> BulkEnd {
        let run_id = self.0.entropy.uuid(self.0.clock.now()).to_string();
        let (mut run, mut not_begun) = (Run::default(), 0);
        // Last, because a purchase under way may have to wait until the lease of a dead driver expires.
        agents.sort_by_key(|agent| agent.under_way.is_some());
        let mut waiting = VecDeque::from(agents);
        let mut begun = FuturesUnordered::new();
        loop {
            if stop.is_cancelled() && !waiting.is_empty() {
                run.ended = Some(EndedEarly::Stopped);
            }
            if let Some(ended) = &run.ended {
                let count = waiting.len();
                // No further purchase starts, but purchases left by an earlier run are still finished.
                waiting.retain(|agent| matches!(ended, EndedEarly::Refused(_)) && agent.under_way.is_some());
                not_begun += count - waiting.len();
            }
            while begun.len() < PARALLEL
                && let Some(agent) = waiting.pop_front()
            {
                match run.full.get(&agent.tenant_id).filter(|_| agent.under_way.is_none()) {
                    // Spares the tenant's other agents an operation that would fail for the same reason.
                    Some(refusal) => on_result(&agent, &NumberGiven::Without(refusal.clone())),
                    None => begun.push(self.give_number(database, agent, wanted, &run_id)),
                }
            }
            let Some((agent, given)) = begun.next().await else { break };
            match given {
                Ok(given) => {
                    run.learn(&agent, &given);
                    on_result(&agent, &given);
                }
                // Ends the run: no purchase can be stored. A server continues those under way.
                Err(failure @ (StoreError::Unavailable(_) | StoreError::Busy)) => {
                    not_begun += 1;
                    run.ended = Some(EndedEarly::Failed(failure));
                }
                Err(failure) => on_result(&agent, &NumberGiven::Failed(failure)),
            }
        }
        BulkEnd { because: run.ended, not_begun }
    }

    async fn give_number(
        &self,
        database: &Database,
        agent: AgentWithoutNumber,
        wanted: &WantedNumber,
        run_id: &str,
    ) -> (AgentWithoutNumber, Result<NumberGiven, StoreError>) {
        let operation = match agent.under_way {
            Some(id) => Ok(id),
            None => self.begin_purchase(database, &agent, wanted, run_id).await,
        };
        let given = match operation {
            Ok(id) => self.result_of(id).await,
            Err(StoreError::Refused(refusal)) => Ok(NumberGiven::NotNeeded(refusal)),
            Err(failure) => Err(failure),
        };
        (agent, given)
    }

    async fn begin_purchase(
        &self,
        database: &Database,
        agent: &AgentWithoutNumber,
        wanted: &WantedNumber,
        run_id: &str,
    ) -> Result<OperationId, StoreError> {
        let author = Author { actor: Actor::System, request_id: run_id.to_owned() };
        let store = database.write_by(author, agent.tenant_id).await?;
        // Needs no idempotency key: a second purchase for an agent is refused while one is under way.
        let operation = self.provision_number(&store, agent.id, wanted.clone(), false, None).await?;
        store.commit().await?;
        Ok(operation.id)
    }

    async fn result_of(&self, id: OperationId) -> Result<NumberGiven, StoreError> {
        let corrupt = |column| StoreError::Corrupt { table: "operations", column };
        let operation = self.see_through(id, self.longest_purchase()).await?;
        match operation.state {
            OperationState::Pending | OperationState::Running => return Ok(NumberGiven::UnderWay(id)),
            OperationState::Failed => {
                return Ok(NumberGiven::Without(operation.error.ok_or(corrupt("error"))?));
            }
            OperationState::Succeeded => {}
        }
        let number = self.0.store.number(operation.number_id.ok_or(corrupt("phone_number_id"))?).await?;
        Ok(NumberGiven::Bought(number.ok_or(corrupt("phone_number_id"))?))
    }
}
