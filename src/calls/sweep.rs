//! Asks the carrier about calls whose status callback is overdue.
//!
//! A call holds its call slot until its end is recorded. Age alone closes no call: only the carrier's report does, and while
//! the carrier does not answer, every call stays as it is. Every server writes the same, so all may sweep at the same time.
//!
//! A call that the carrier does not report on is postponed, and the sweep continues with the next. The sweep ends early only
//! while the carrier's circuit breaker is open. A tenant without a free call slot does not wait for the sweep: the carrier is
//! asked at once about the tenant's calls with the oldest reports ([`Sweep::make_room`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::accounts::Accounts;
use crate::carrier::{CarrierCall, CarrierError};
use crate::domain::{CallReport, CallStatus, Clock, Heartbeat, TenantId, caught};
use crate::store::{StoreError, SystemStore};

/// How often to look for calls without recent reports.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Time since the last report after which the carrier is asked, and asked again. Longer than most calls last.
const QUIET: TimeDelta = TimeDelta::minutes(5);
/// Calls in one sweep.
const AT_ONCE: u64 = 100;
/// Concurrent requests: purchases and releases need the carrier too.
const PARALLEL: usize = 2;

/// How long to postpone a call that the carrier did not report on.
const PUT_OFF: Duration = Duration::from_secs(15);
/// Maximum number of postponed calls.
const MOST_PUT_OFF: usize = 1000;
/// Calls to ask about at once when a tenant has no free call slot.
// No more than the carrier's client sends at once.
const TO_MAKE_ROOM: u64 = 5;
/// Calls with a report this recent are not asked about to free a call slot.
const FRESH: TimeDelta = TimeDelta::seconds(20);

/// Asks the carrier about calls whose end was not reported. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sweep {
    store: SystemStore,
    accounts: Accounts,
    clock: Clock,
    /// Calls that the carrier did not report on, and until when they are postponed.
    put_off: Arc<Mutex<HashMap<String, Instant>>>,
    /// Tenants whose calls are being asked about.
    tenants: Arc<Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>>,
}

/// Why a sweep ended early. The next one continues.
#[derive(Debug, thiserror::Error)]
enum Unswept {
    #[error("the carrier is unavailable")]
    Carrier(#[source] CarrierError),
    #[error("the database request failed")]
    Store(#[from] StoreError),
}

impl Sweep {
    /// Sweeps through the system's store and the accounts at the carrier.
    #[must_use]
    pub fn new(store: SystemStore, accounts: Accounts, clock: Clock) -> Self {
        Self { store, accounts, clock, put_off: Arc::default(), tenants: Arc::default() }
    }

    /// Sweeps every few seconds until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_some() {
            heartbeat.beat();
            if let Some(Err(failure)) = stop.run_until_cancelled(self.run(&heartbeat)).await {
                warn!(error = &failure as &dyn std::error::Error, "overdue calls not swept");
            }
        }
    }

    async fn run(&self, heartbeat: &Heartbeat) -> Result<(), Unswept> {
        let put_off: HashMap<String, Instant> = {
            let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
            put_off.retain(|_, until| *until > Instant::now());
            put_off.clone()
        };
        // Postponed calls have the oldest reports: without room for them they would fill the page.
        let limit = AT_ONCE + put_off.len() as u64;
        let unheard_of = self.store.calls_unheard_of(self.clock.now() - QUIET, limit).await?;
        let due = unheard_of.into_iter().filter(|sid| !put_off.contains_key(sid));
        let asked = stream::iter(due.map(Ok));
        asked
            .try_for_each_concurrent(PARALLEL, |sid| async move {
                heartbeat.beat();
                self.ask_or_put_off(&sid).await
            })
            .await
    }

    /// Asks about a call, and postpones it if the carrier does not report on it.
    ///
    /// # Errors
    /// The carrier or the database is unavailable: asking about others is pointless.
    async fn ask_or_put_off(&self, sid: &str) -> Result<(), Unswept> {
        let Some(asked) = caught("sweep", self.ask(sid)).await else {
            self.put_off(sid);
            return Ok(());
        };
        match asked {
            Err(Unswept::Carrier(error)) if !is_left_alone(&error) => {
                warn!(sid, %error, "call postponed: the carrier does not report on it");
                self.put_off(sid);
                Ok(())
            }
            Err(Unswept::Store(error)) if error.is_limited_to_statement() => {
                warn!(sid, %error, "call postponed: its end was not recorded");
                self.put_off(sid);
                Ok(())
            }
            other => other,
        }
    }

    fn put_off(&self, sid: &str) {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        // A call that finds no room here is only asked about again in the next sweep.
        if put_off.len() < MOST_PUT_OFF {
            put_off.insert(sid.to_owned(), Instant::now() + PUT_OFF);
        }
    }

    /// Asks the carrier about calls of a tenant without a free call slot, those with the oldest reports first. One request runs
    /// for each tenant; simultaneous callers wait for its end.
    pub async fn make_room(&self, tenant: TenantId, until: Instant) {
        let turn = {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tenants.entry(tenant).or_default())
        };
        let asking = async {
            let _turn = turn.lock().await;
            let heard_before = self.clock.now() - FRESH;
            let sids = match self.store.longest_held_slots(tenant, heard_before, TO_MAKE_ROOM).await {
                Ok(sids) => sids,
                Err(error) => {
                    return warn!(%tenant, %error, "call slots not checked: the tenant's calls could not be read");
                }
            };
            // All at once, because a caller is waiting; there are at most `TO_MAKE_ROOM`.
            let asked = stream::iter(sids).for_each_concurrent(None, |sid| async move {
                if let Some(Err(error)) = caught("sweep", self.ask(&sid)).await {
                    warn!(sid, error = &error as &dyn std::error::Error, "call slot not freed");
                }
            });
            asked.await;
        };
        // The sweep handles calls that are not known in time.
        let _asked_or_late = timeout_at(until, asking).await;
        // Before the count below: a turn that only the map holds is over.
        drop(turn);
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, turn| Arc::strong_count(turn) > 1);
    }

    /// Asks the account of the call's number; if the number was moved, also the other one, since the call may be older.
    async fn find(&self, sid: &str) -> Result<Result<Option<CarrierCall>, CarrierError>, Unswept> {
        let owner = self.store.accounts_of_call(sid).await?.map(|(_, accounts)| accounts).unwrap_or_default();
        let mut untold = Ok(None);
        for account in owner.all() {
            let found = match self.accounts.carrier(account).await {
                Ok(carrier) => carrier.call(sid).await,
                Err(failure) => Err(failure),
            };
            match found {
                Ok(None) => {}
                Ok(found) => return Ok(Ok(found)),
                // The other account may know it, and counts if it does.
                Err(failure) => untold = untold.and(Err(failure)),
            }
        }
        Ok(untold)
    }

    async fn ask(&self, sid: &str) -> Result<(), Unswept> {
        let report = match self.find(sid).await? {
            Ok(Some(call)) => match call.status {
                Some(status) => {
                    let at = call.ended_at.unwrap_or_else(|| self.clock.now());
                    CallReport { status, duration_seconds: call.duration_seconds, at }
                }
                None => {
                    warn!(sid, word = call.word, "call status ignored: the carrier does not document it");
                    return Ok(self.store.call_goes_on(sid).await?);
                }
            },
            Ok(None) => {
                warn!(sid, "call counts as failed: the carrier does not know it");
                // No report will ever come: without an end the call would hold its slot for good.
                CallReport { status: CallStatus::Failed, duration_seconds: None, at: self.clock.now() }
            }
            Err(CarrierError::Rejected(refusal)) => {
                warn!(sid, %refusal, "call not fetched: rejected by the carrier");
                // Counts as a report: otherwise this call would come first in every sweep.
                return Ok(self.store.call_goes_on(sid).await?);
            }
            // Says nothing about the call, so it is not taken for a report.
            Err(silent) => return Err(Unswept::Carrier(silent)),
        };
        self.store.report_call(sid, report).await?;
        if !report.status.is_final() {
            return Ok(self.store.call_goes_on(sid).await?);
        }
        info!(sid, status = %report.status, "call status fetched from the carrier");
        metrics::counter!("switchboard_calls_swept_total", "status" => report.status.as_str()).increment(1);
        Ok(())
    }
}

/// Whether the carrier's circuit breaker is open.
fn is_left_alone(error: &CarrierError) -> bool {
    matches!(error, CarrierError::Unavailable { breaker_open: true, .. })
}
