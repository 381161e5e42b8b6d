//! Rate limits. An authenticated caller has its own bucket, whatever its address; a request without valid
//! credentials counts against its address. Failed attempts therefore never use up the limit of a caller with
//! a valid token. An agent token counts against its address until it has been found in the database once, so
//! that invented tokens cannot flood the database.
//!
//! All servers on one Postgres share the limits ([`slices`]): each server takes small slices of a caller's
//! minute from the bucket in the database and grants requests from them.

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
use self::slices::{SliceDecision, Slices};
use super::rejection::Rejection;
use crate::auth::Principal;
use crate::domain::Clock;
use crate::store::SystemStore;

pub(super) use self::address::{ClientAddress, Peer};

/// Rate limits in requests per minute, which is also the burst size. 0 disables a limit.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Requests per minute of one tenant, operator or agent.
    pub per_minute: u32,
    /// Requests per minute of one address without a valid token.
    pub anonymous_per_minute: u32,
}

/// Time a request waits for the database to count it. After that this server grants it alone.
const DATABASE_TIME: Duration = Duration::from_millis(250);
/// Interval at which full buckets are deleted from the database.
const SWEEP_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The principal that a bucket belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PrincipalKey {
    Tenant(Uuid),
    Operator(Uuid),
    Agent(Uuid),
}

impl From<Principal> for PrincipalKey {
    fn from(principal: Principal) -> Self {
        match principal {
            Principal::Tenant(tenant) => Self::Tenant(tenant.0),
            Principal::Operator { subject, .. } => Self::Operator(subject),
            Principal::Agent { agent, .. } => Self::Agent(agent.0),
        }
    }
}

/// Formats the principal as the key of its bucket in the database.
impl Display for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant {id}"),
            Self::Operator(id) => write!(f, "operator {id}"),
            Self::Agent(id) => write!(f, "agent {id}"),
        }
    }
}

/// Buckets of all principals and addresses. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct RateLimiter(Arc<RateLimiterInner>);

#[derive(Debug)]
struct RateLimiterInner {
    /// `None` if the limit is disabled.
    principals: Option<Limit<PrincipalKey>>,
    /// `None` if the limit is disabled.
    addresses: Option<Limit<ClientAddress>>,
    clock: Clock,
    /// Database through which servers share their limits. `None` if there are no other servers.
    store: Option<SystemStore>,
    /// When full buckets were last deleted from the database.
    swept_at: Mutex<DateTime<Utc>>,
}

/// Buckets of one kind of callers.
#[derive(Debug)]
struct Limit<K> {
    per_minute: u32,
    /// This server's own buckets. They alone decide while the database is unavailable.
    local: Mutex<Buckets<K>>,
    /// This server's slices of the shared buckets.
    slices: Mutex<Slices<K>>,
}

impl<K: Copy + Hash + Eq> Limit<K> {
    fn new(per_minute: u32) -> Option<Self> {
        (per_minute > 0).then(|| Self {
            per_minute,
            local: Mutex::new(Buckets::new(per_minute)),
            slices: Mutex::new(Slices::new(per_minute)),
        })
    }
}

impl RateLimiter {
    /// Creates full buckets. With a store, the limits are shared by all servers on its database.
    pub(super) fn new(limits: RateLimits, clock: Clock, store: Option<SystemStore>) -> Self {
        let (principals, addresses) =
            (Limit::new(limits.per_minute), Limit::new(limits.anonymous_per_minute));
        let swept_at = Mutex::new(clock.now());
        Self(Arc::new(RateLimiterInner { principals, addresses, clock, store, swept_at }))
    }

    /// Counts a request of an authenticated principal.
    ///
    /// # Errors
    /// 429 with `Retry-After` if the principal's limit is reached.
    pub(super) async fn count_principal(&self, principal: Principal) -> Result<(), Rejection> {
        self.take(self.0.principals.as_ref(), principal.into(), "principal").await
    }

    /// Counts a request without valid credentials against its address.
    ///
    /// # Errors
    /// 429 with `Retry-After` if the address's limit is reached.
    pub(super) async fn count_address(&self, address: ClientAddress) -> Result<(), Rejection> {
        self.take(self.0.addresses.as_ref(), address, "address").await
    }

    /// Reverts one [`Self::count_address`], after the request has been authenticated.
    pub(super) fn refund_address(&self, address: ClientAddress) {
        if let Some(limit) = &self.0.addresses {
            locked(&limit.local).refund(&address);
            locked(&limit.slices).refund(&address);
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
        // The local bucket first, so that a flood is refused without a statement.
        let local = locked(&limit.local).take(key, now);
        let taken = match (local, &self.0.store) {
            (Ok(()), Some(store)) => self.take_slice(limit, key, now, store).await.inspect_err(|_| {
                // A request that the shared limit refuses must not use up the local bucket as well.
                locked(&limit.local).refund(&key);
            }),
            (local, _) => local,
        };
        taken.map_err(|wait| {
            metrics::counter!("switchboard_rate_limited_total", "of" => of).increment(1);
            rate_limited(wait)
        })
    }

    /// Takes a request from the limit that all servers share. Grants it if the database is unavailable or
    /// slow: the local bucket still applies then.
    async fn take_slice<K: Copy + Hash + Eq + Display>(
        &self,
        limit: &Limit<K>,
        key: K,
        now: DateTime<Utc>,
        store: &SystemStore,
    ) -> Result<(), Duration> {
        // The lock is released before the database is asked: a slow database must not block other callers.
        let wanted = match locked(&limit.slices).take(key, now) {
            SliceDecision::Granted => return Ok(()),
            SliceDecision::Refused(wait) => return Err(wait),
            SliceDecision::Exhausted(wanted) => wanted,
        };
        self.sweep(store, now);
        let bucket = key.to_string();
        let request = store.take_requests(&bucket, wanted, limit.per_minute, now);
        // While the database is known to be unavailable, no request waits for the time limit.
        let outcome = if store.is_unavailable() { None } else { timeout(DATABASE_TIME, request).await.ok() };
        let mut slices = locked(&limit.slices);
        match outcome {
            Some(Ok(taken)) => slices.replenish(key, now, taken.granted, (taken.free_at - now).to_std().ok()),
            Some(Err(error)) => {
                tracing::debug!(%error, "shared rate limit unavailable: limiting by this server alone");
                slices.grant_locally(key, now);
                Ok(())
            }
            None => {
                slices.grant_locally(key, now);
                Ok(())
            }
        }
    }

    /// Deletes full buckets from the database once a minute, in the background.
    fn sweep(&self, store: &SystemStore, now: DateTime<Utc>) {
        let mut swept_at = locked(&self.0.swept_at);
        if (now - *swept_at).abs() < SWEEP_EVERY {
            return;
        }
        // Before the sweep, so that concurrent requests start no second one.
        *swept_at = now;
        let store = store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.forget_full_buckets(now).await {
                tracing::debug!(%error, "deleting full rate limit buckets failed: retrying in a minute");
            }
        });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn rate_limited(wait: Duration) -> Rejection {
    // Rounded up, so that a client that waits exactly this long is not refused again.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!("too many requests; wait {seconds} seconds");
    let rejection = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
    Rejection { retry_after: Some(seconds), ..rejection }
}
