//! Ends that were not heard: the carrier is asked about calls whose status callback is overdue.
//!
//! A call holds its call slot until its end is recorded. Its age alone closes nothing: only what the carrier says, and
//! while that does not answer every call stays as it is. What is written is the same whoever writes it, so every
//! server may sweep at the same time.
//!
//! A call that the carrier does not tell of is put off, and the sweep goes on with the next; only when the carrier is left
//! alone altogether does it end. A tenant without a free call slot does not wait for the sweep: its calls that were
//! heard of longest ago are asked about at once ([`Sweep::make_room`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::carrier::{Carrier, CarrierError};
use crate::domain::{CallReport, CallStatus, Clock, Heartbeat, TenantId, caught};
use crate::store::{StoreError, SystemStore};

/// How often it is looked for calls of which nothing is heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longer than most calls last: only then is the carrier asked, and again after as long.
const QUIET: TimeDelta = TimeDelta::minutes(5);
/// Asked about in one sweep.
const AT_ONCE: u64 = 100;
/// Asked about at the same time: purchases and releases need the carrier too.
const PARALLEL: usize = 2;

/// How long a call is put off that the carrier did not tell of.
const PUT_OFF: Duration = Duration::from_secs(15);
/// Calls that are put off at most.
const MOST_PUT_OFF: usize = 1000;
/// A full tenant's calls that are asked about at once.
const TO_MAKE_ROOM: u64 = 5;
/// Of a call of which something was heard that lately, nobody is asked to make room.
const FRESH: TimeDelta = TimeDelta::seconds(20);

/// Asks the carrier about calls whose end was not heard. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sweep {
    store: SystemStore,
    carrier: Carrier,
    clock: Clock,
    /// Calls that the carrier did not tell of, and until when they are put off.
    put_off: Arc<Mutex<HashMap<String, Instant>>>,
    /// Tenants whose calls are asked about at the moment.
    tenants: Arc<Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>>,
}

/// Why a sweep ended early; the next goes on with what it left.
#[derive(Debug, thiserror::Error)]
enum Unswept {
    #[error("the carrier does not answer")]
    Carrier(#[source] CarrierError),
    #[error("the database does not answer")]
    Store(#[from] StoreError),
}

impl Sweep {
    /// A sweep over the system's door and the carrier.
    #[must_use]
    pub fn new(store: SystemStore, carrier: Carrier, clock: Clock) -> Self {
        Self { store, carrier, clock, put_off: Arc::default(), tenants: Arc::default() }
    }

    /// Sweeps every few seconds, until told to stop.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            heartbeat.beat();
            if let Some(Err(failure)) = stop.run_until_cancelled(self.run(&heartbeat)).await {
                warn!(
                    error = &failure as &dyn std::error::Error,
                    "calls whose end is overdue are left as they are"
                );
            }
        }
    }

    async fn run(&self, heartbeat: &Heartbeat) -> Result<(), Unswept> {
        let put_off: HashMap<String, Instant> = {
            let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
            put_off.retain(|_, until| *until > Instant::now());
            put_off.clone()
        };
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

    /// Asks about a call, and puts it off if the carrier does not tell.
    ///
    /// # Errors
    /// When there is no use in asking about another.
    async fn ask_or_put_off(&self, sid: &str) -> Result<(), Unswept> {
        let Some(asked) = caught("sweep", self.ask(sid)).await else {
            self.put_off(sid);
            return Ok(());
        };
        match asked {
            Err(Unswept::Carrier(error)) if !is_left_alone(&error) => {
                warn!(sid, %error, "the carrier does not tell of a call: it is put off");
                self.put_off(sid);
                Ok(())
            }
            Err(Unswept::Store(error)) if error.is_limited_to_statement() => {
                warn!(sid, %error, "the end of a call could not be written: it is put off");
                self.put_off(sid);
                Ok(())
            }
            other => other,
        }
    }

    fn put_off(&self, sid: &str) {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        if put_off.len() < MOST_PUT_OFF {
            put_off.insert(sid.to_owned(), Instant::now() + PUT_OFF);
        }
    }

    /// Asks the carrier about the calls of a tenant whose plan is used up, those first of which longest nothing was heard. One
    /// question a tenant at a time: whoever comes meanwhile waits for its end.
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
                Err(error) => return warn!(%tenant, %error, "a full tenant's calls could not be read"),
            };
            let asked = stream::iter(sids).for_each_concurrent(None, |sid| async move {
                if let Some(Err(error)) = caught("sweep", self.ask(&sid)).await {
                    warn!(
                        sid,
                        error = &error as &dyn std::error::Error,
                        "a full tenant's call is left as it is"
                    );
                }
            });
            asked.await;
        };
        // Whatever is not known in time is left to the sweep.
        let _asked_or_late = timeout_at(until, asking).await;
        drop(turn);
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|_, turn| Arc::strong_count(turn) > 1);
    }

    async fn ask(&self, sid: &str) -> Result<(), Unswept> {
        let report = match self.carrier.call(sid).await {
            Ok(Some(call)) => match call.status {
                Some(status) => {
                    let at = call.ended_at.unwrap_or_else(|| self.clock.now());
                    CallReport { status, duration_seconds: call.duration_seconds, at }
                }
                None => {
                    warn!(sid, word = call.word, "the carrier has a call in a status it does not document");
                    return Ok(self.store.call_goes_on(sid).await?);
                }
            },
            Ok(None) => {
                warn!(sid, "the carrier does not know a call that was under way: it counts as failed");
                CallReport { status: CallStatus::Failed, duration_seconds: None, at: self.clock.now() }
            }
            Err(CarrierError::Rejected(refusal)) => {
                warn!(sid, %refusal, "the carrier does not say what became of a call");
                return Ok(self.store.call_goes_on(sid).await?);
            }
            Err(silent) => return Err(Unswept::Carrier(silent)),
        };
        self.store.report_call(sid, report).await?;
        if !report.status.is_final() {
            return Ok(self.store.call_goes_on(sid).await?);
        }
        info!(sid, status = %report.status, "the carrier was asked how a call ended");
        metrics::counter!("switchboard_calls_swept_total", "status" => report.status.as_str()).increment(1);
        Ok(())
    }
}

/// Whether the carrier is asked nothing at the moment.
fn is_left_alone(error: &CarrierError) -> bool {
    matches!(error, CarrierError::Unavailable { breaker_open: true, .. })
}
