//! Ends that were not heard: the carrier is asked about calls whose status callback is overdue.
//!
//! A call holds its place until its end is recorded. Its age alone closes nothing: only what the carrier says, and
//! while that does not answer every call stays as it is. What is written is the same whoever writes it, so every
//! server may sweep at the same time.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::{TryStreamExt, stream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::carrier::{Carrier, CarrierError};
use crate::domain::{CallReport, CallStatus, Clock};
use crate::store::{StoreError, SystemStore};

/// How often it is looked for calls of which nothing is heard.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longer than most calls last: only then is the carrier asked, and again after as long.
const QUIET: TimeDelta = TimeDelta::minutes(5);
/// Asked about in one sweep.
const AT_ONCE: u64 = 100;
/// Asked about at the same time: purchases and releases need the carrier too.
const PARALLEL: usize = 2;

/// Asks the carrier about calls whose end was not heard. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sweep {
    store: SystemStore,
    carrier: Carrier,
    clock: Clock,
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
        Self { store, carrier, clock }
    }

    /// Sweeps every few seconds, until told to stop.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            if let Some(Err(failure)) = stop.run_until_cancelled(self.run()).await {
                warn!(
                    error = &failure as &dyn std::error::Error,
                    "calls whose end is overdue are left as they are"
                );
            }
        }
    }

    async fn run(&self) -> Result<(), Unswept> {
        let unheard_of = self.store.calls_unheard_of(self.clock.now() - QUIET, AT_ONCE).await?;
        let asked = stream::iter(unheard_of.into_iter().map(Ok));
        asked.try_for_each_concurrent(PARALLEL, |sid| async move { self.ask(&sid).await }).await
    }

    async fn ask(&self, sid: &str) -> Result<(), Unswept> {
        let report = match self.carrier.call(sid).await {
            Ok(Some(call)) => match CallStatus::from_carrier(&call.status) {
                Some(status) => {
                    let at = call.ended_at.unwrap_or_else(|| self.clock.now());
                    CallReport { status, duration_seconds: call.duration_seconds, at }
                }
                None => {
                    warn!(sid, word = call.status, "the carrier has a call in a status it does not document");
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
