//! Numbers for agents that have none: which agents, and their purchases, a few at a time.
//!
//! Each purchase is an operation like any other, so a run may be killed at any instant: what it had begun is driven on
//! by a server or by the next run, and an agent whose purchase is under way is bought no second number. An agent whose rows
//! cannot be read or written does not keep the others from their turn; only a database that does not answer ends a run.

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

/// Agents read at a time.
const PAGE: u16 = 200;
/// Purchases under way at the same time.
const PARALLEL: usize = 4;
/// Purchases that may fail one after the other by the carrier's doing before no further one is begun.
const FAILURES_IN_A_ROW: u8 = 3;
/// How long a purchase is waited for once the lease of a driver that died has run out.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of one agent.
#[derive(Debug)]
pub enum NumberGiven {
    /// It has this number.
    Bought(PhoneNumber),
    /// It is left without, for this reason.
    Without(Refusal),
    /// Its purchase takes longer than it was waited for, and goes on by itself.
    UnderWay(OperationId),
    /// The database failed on it: it may have a number or not, and the next run looks again.
    Failed(StoreError),
    /// It needs none any more: somebody else has seen to it meanwhile, or it is deleted.
    NotNeeded(Refusal),
}

/// How a run ended.
#[derive(Debug)]
pub struct BulkEnd {
    /// Why no further agents were begun; `None` when every agent had its turn.
    pub because: Option<EndedEarly>,
    /// How many agents were not begun, or not seen through because the database did not answer.
    pub not_begun: usize,
}

/// Why a run ended before every agent had its turn.
#[derive(Debug)]
pub enum EndedEarly {
    /// It was told to.
    Stopped,
    /// Nothing further can be bought now.
    Refused(Refusal),
    /// The database did not answer.
    Failed(StoreError),
}

/// What a run knows of its past.
#[derive(Default)]
struct Run {
    /// Tenants whose plan or hour is full, with the refusal that said so.
    full: HashMap<TenantId, Refusal>,
    failures_in_a_row: u8,
    ended: Option<EndedEarly>,
}

impl Run {
    fn learn(&mut self, agent: &AgentWithoutNumber, given: &NumberGiven) {
        let carrier_failed = match given {
            NumberGiven::UnderWay(_) => Some(unanswered()),
            NumberGiven::Without(refusal) => match (refusal.code, refusal.used_up) {
                (_, Some(UsedUp::PurchasesPerHour)) => {
                    self.ended.get_or_insert_with(|| EndedEarly::Refused(refusal.clone()));
                    None
                }
                (_, Some(UsedUp::Plan | UsedUp::TenantPurchasesPerHour)) => {
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
    Refusal::new(RefusalCode::CarrierUnavailable, "purchases take longer than they may: try again later")
}

impl Provisioning {
    /// Every active agent without a bought number, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// The longest that one agent's purchase is waited for.
    #[must_use]
    pub fn longest_purchase(&self) -> Duration {
        self.0.config.lease + PATIENCE
    }

    /// Buys each of these agents a number, a few at a time, and tells what came of each. Once told to stop, or once
    /// nothing further can be bought, it begins no further agent and waits for those begun.
    pub async fn give_numbers(
        &self,
        database: &Database,
        mut agents: Vec<AgentWithoutNumber>,
        wanted: &WantedNumber,
        stop: &CancellationToken,
        mut tell: impl FnMut(&AgentWithoutNumber, &NumberGiven),
    ) -> BulkEnd {
        let run_id = self.0.entropy.uuid(self.0.clock.now()).to_string();
        let (mut run, mut not_begun) = (Run::default(), 0);
        // A purchase under way may have to wait for a dead driver's lease: the others need not wait with it.
        agents.sort_by_key(|agent| agent.under_way.is_some());
        let mut waiting = VecDeque::from(agents);
        let mut begun = FuturesUnordered::new();
        loop {
            if stop.is_cancelled() && !waiting.is_empty() {
                run.ended = Some(EndedEarly::Stopped);
            }
            if let Some(ended) = &run.ended {
                let count = waiting.len();
                // Nothing more is bought, but what an earlier run has left is still seen through.
                waiting.retain(|agent| matches!(ended, EndedEarly::Refused(_)) && agent.under_way.is_some());
                not_begun += count - waiting.len();
            }
            while begun.len() < PARALLEL
                && let Some(agent) = waiting.pop_front()
            {
                match run.full.get(&agent.tenant_id).filter(|_| agent.under_way.is_none()) {
                    Some(refusal) => tell(&agent, &NumberGiven::Without(refusal.clone())),
                    None => begun.push(self.give_number(database, agent, wanted, &run_id)),
                }
            }
            let Some((agent, given)) = begun.next().await else { break };
            match given {
                Ok(given) => {
                    run.learn(&agent, &given);
                    tell(&agent, &given);
                }
                Err(failure @ (StoreError::Unavailable(_) | StoreError::Busy)) => {
                    not_begun += 1;
                    run.ended = Some(EndedEarly::Failed(failure));
                }
                Err(failure) => tell(&agent, &NumberGiven::Failed(failure)),
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
            Ok(id) => self.came_of(id).await,
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
        let operation = self.provision_number(&store, agent.id, wanted.clone(), false, None).await?;
        store.commit().await?;
        Ok(operation.id)
    }

    async fn came_of(&self, id: OperationId) -> Result<NumberGiven, StoreError> {
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
