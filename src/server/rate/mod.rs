//! How often one may ask. Who proves who they are has a bucket of their own, wherever they ask from; whoever proves
//! nothing, or fails to, shares the bucket of their address. So a stranger's attempts cost strangers at the same
//! address, never somebody with a valid token. An agent's token is a stranger's until it was found in the database once: what
//! strangers make up must not reach it faster than they may ask.
//!
//! The limits hold for all servers on one Postgres together ([`slices`]): each server takes a small share of a caller's minute
//! at a time from the bucket in the database, and grants it by itself.

mod address;
mod buckets;
mod slices;

use std::fmt::{self, Display};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;
use uuid::Uuid;

use self::buckets::Buckets;
use self::slices::{Slice, Slices};
use super::rejection::Rejection;
use crate::auth::Principal;
use crate::domain::Clock;
use crate::store::SystemStore;

pub(super) use self::address::{ClientAddress, Peer};

/// How many requests a minute are answered, and as many at once; 0: any number.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Of one tenant, of one operator, of one agent.
    pub per_minute: u32,
    /// Of one address, without a valid token.
    pub anonymous_per_minute: u32,
}

/// How long a request waits for the database to count it.
const DATABASE_TIME: Duration = Duration::from_millis(250);
/// How often full buckets are forgotten there.
const SWEEP_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Tenant(Uuid),
    Operator(Uuid),
    Agent(Uuid),
}

impl From<Principal> for Owner {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Tenant(tenant) => Self::Tenant(tenant.0),
            Principal::Operator { subject, .. } => Self::Operator(subject),
            Principal::Agent { agent, .. } => Self::Agent(agent.0),
        }
    }
}

/// The name of the bucket in the database.
impl Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::Operator(id) => write!(f, "operator {id}"),
            Self::Agent(id) => write!(f, "agent {id}"),
        }
    }
}

/// Everybody's buckets. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Rates(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    owners: Option<Limit<Owner>>,
    addresses: Option<Limit<ClientAddress>>,
    clock: Clock,
    /// Where servers share what they grant.
    store: Option<SystemStore>,
    /// When full buckets were last forgotten there.
    swept_at: Mutex<DateTime<Utc>>,
}

/// Of one kind of callers.
#[derive(Debug)]
struct Limit<K> {
    per_minute: u32,
    /// What this server grants, were it alone.
    own: Mutex<Buckets<K>>,
    /// What it may grant of what all servers grant.
    slices: Mutex<Slices<K>>,
}

impl<K: Copy + Hash + Eq> Limit<K> {
    fn new(per_minute: u32) -> Option<Self> {
        (per_minute > 0).then(|| Self {
            per_minute,
            own: Mutex::new(Buckets::new(per_minute)),
            slices: Mutex::new(Slices::new(per_minute)),
        })
    }
}

impl Rates {
    /// All buckets full. With a store, its servers share what they grant.
    pub(super) fn new(limits: RateLimits, clock: Clock, store: Option<SystemStore>) -> Self {
        let (owners, addresses) = (Limit::new(limits.per_minute), Limit::new(limits.anonymous_per_minute));
        let swept_at = Mutex::new(clock.now());
        Self(Arc::new(Parts { owners, addresses, clock, store, swept_at }))
    }

    /// Counts a request of somebody who proved who they are.
    ///
    /// # Errors
    /// The refusal when they asked too often.
    pub(super) async fn by(&self, principal: Principal) -> Result<(), Rejection> {
        self.take(self.0.owners.as_ref(), principal.into(), "principal").await
    }

    /// Counts a request that proves nothing, or fails to.
    ///
    /// # Errors
    /// The refusal when there were too many from there.
    pub(super) async fn from(&self, address: ClientAddress) -> Result<(), Rejection> {
        self.take(self.0.addresses.as_ref(), address, "address").await
    }

    /// Takes back what was counted by [`Self::from`]: it has been proven since who it was.
    pub(super) fn proven(&self, address: ClientAddress) {
        if let Some(limit) = &self.0.addresses {
            locked(&limit.own).give_back(&address);
            locked(&limit.slices).give_back(&address);
        }
    }

    async fn take<K: Copy + Hash + Eq + Display>(
        &self,
        limit: Option<&Limit<K>>,
        key: K,
        of: &'static str,
    ) -> Result<(), Rejection> {
        let Some(limit) = limit else { return Ok(()) };
        let now = self.0.clock.now();
        let own = locked(&limit.own).take(key, now);
        let taken = match (own, &self.0.store) {
            (Ok(()), Some(store)) => self.take_slice(limit, key, now, store).await.inspect_err(|_| {
                // It was not granted after all.
                locked(&limit.own).give_back(&key);
            }),
            (own, _) => own,
        };
        taken.map_err(|wait| {
            metrics::counter!("switchboard_rate_limited_total", "of" => of).increment(1);
            refusal(wait)
        })
    }

    /// Takes a request out of what all servers grant together. A database that does not answer in time grants it.
    async fn take_slice<K: Copy + Hash + Eq + Display>(
        &self,
        limit: &Limit<K>,
        key: K,
        now: DateTime<Utc>,
        store: &SystemStore,
    ) -> Result<(), Duration> {
        let wanted = match locked(&limit.slices).take(key, now) {
            Slice::Granted => return Ok(()),
            Slice::Refused(wait) => return Err(wait),
            Slice::Wanted(wanted) => wanted,
        };
        self.sweep(store, now);
        let bucket = key.to_string();
        let asked = store.take_requests(&bucket, wanted, limit.per_minute, now);
        let answer = if store.is_unavailable() { None } else { timeout(DATABASE_TIME, asked).await.ok() };
        let mut slices = locked(&limit.slices);
        match answer {
            Some(Ok(taken)) => slices.received(key, now, taken.granted, (taken.free_at - now).to_std().ok()),
            Some(Err(error)) => {
                tracing::debug!(%error, "a limit is this server's alone for now");
                slices.on_its_own(key, now);
                Ok(())
            }
            None => {
                slices.on_its_own(key, now);
                Ok(())
            }
        }
    }

    /// Forgets full buckets in the database, once a minute.
    fn sweep(&self, store: &SystemStore, now: DateTime<Utc>) {
        let mut swept_at = locked(&self.0.swept_at);
        if (now - *swept_at).abs() < SWEEP_EVERY {
            return;
        }
        *swept_at = now;
        let store = store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.forget_full_buckets(now).await {
                tracing::debug!(%error, "full rate buckets are forgotten later");
            }
        });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(wait: Duration) -> Rejection {
    // Who waits as long as told must not come too early.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!("too many requests; wait {seconds} seconds");
    let refusal = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
    Rejection { retry_after: Some(seconds), ..refusal }
}
