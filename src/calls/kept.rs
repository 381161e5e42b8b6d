//! What webhooks tell about kept numbers: that a call came through one, and that a port may have gone on. Neither is waited for while
//! a webhook is answered, and both are hints: a call that is forgotten is followed by another one, and ports are read every minute.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::{E164, EventKey, Heartbeat};
use crate::store::{StoreError, SystemStore};

/// How often test calls are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Calls that are noted between two looks. Calls of the same two numbers count once.
const MOST_NOTES: usize = 1000;
/// Ports that are to be looked at, at most: there is a webhook for each change.
const MOST_HINTS: usize = 200;

/// Takes hints about kept numbers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KeptNumbers {
    store: SystemStore,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Debug, Default)]
struct Notes {
    /// The number called, and the one that forwarded the call.
    calls: HashSet<(E164, E164)>,
    ports: HashSet<String>,
}

impl KeptNumbers {
    /// Works through the system's store.
    #[must_use]
    pub fn new(store: SystemStore) -> Self {
        Self { store, notes: Arc::default() }
    }

    /// Notes that a call to `called` was forwarded by another number.
    pub fn note_call(&self, called: &E164, forwarded_from: Option<&E164>) {
        let Some(forwarded_from) = forwarded_from else { return };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.calls.len() < MOST_NOTES {
            notes.calls.insert((called.clone(), forwarded_from.clone()));
        }
    }

    /// Notes that the port with this id of the carrier may have gone on. Of many hints at once, some are dropped.
    pub fn note_port(&self, sid: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.ports.len() < MOST_HINTS {
            notes.ports.insert(sid.to_owned());
        }
    }

    /// Follows the hints, and looks for announced test calls, until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        while stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await.is_some() {
            heartbeat.beat();
            if let Some(Err(failure)) = stop.run_until_cancelled(self.run(&heartbeat)).await {
                warn!(error = &failure as &dyn std::error::Error, "kept numbers not looked at");
            }
        }
    }

    async fn run(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        let Notes { calls, ports } =
            std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        for sid in ports {
            // An id that makes no key belongs to no port.
            let Ok(event) = format!("port:{sid}").parse::<EventKey>() else { continue };
            heartbeat.beat();
            // The port is looked at within a minute anyway.
            if let Err(failure) = self.store.wake(&event).await {
                warn!(error = &failure as &dyn std::error::Error, "port not looked at at once");
            }
        }
        for (called, forwarded_from) in calls {
            heartbeat.beat();
            match self.store.note_forwarded(&called, &forwarded_from).await {
                Ok(true) => info!("a call has come in through a kept number"),
                Ok(false) => {}
                Err(failure) => {
                    warn!(error = &failure as &dyn std::error::Error, "call through a kept number not noted");
                }
            }
        }
        for (tenant, id) in self.store.tested_numbers().await? {
            heartbeat.beat();
            if let Err(failure) = self.store.verify(tenant, id).await {
                warn!(kept = %id, error = &failure as &dyn std::error::Error, "test call not recorded");
            }
        }
        Ok(())
    }
}
