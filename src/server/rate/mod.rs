//! How often one may ask. Who proves who they are has a bucket of their own, wherever they ask from; whoever proves
//! nothing, or fails to, shares the bucket of their address. So a stranger's attempts cost strangers at the same
//! address, never somebody with a valid token. An agent's token is a stranger's until it was found in the database once: what
//! strangers make up must not reach it faster than they may ask.

mod address;
mod buckets;

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use uuid::Uuid;

use self::buckets::Buckets;
use super::rejection::Rejection;
use crate::auth::Principal;
use crate::domain::Clock;

pub(super) use self::address::{ClientAddress, Peer};

/// How many requests a minute are answered, and as many at once; 0: any number.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Of one tenant, of one operator, of one agent.
    pub per_minute: u32,
    /// Of one address, without a valid token.
    pub anonymous_per_minute: u32,
}

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

/// Everybody's buckets. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Rates(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    owners: Limit<Owner>,
    addresses: Limit<ClientAddress>,
    clock: Clock,
}

/// Buckets, where there is a limit.
type Limit<K> = Option<Mutex<Buckets<K>>>;

fn limit<K: Hash + Eq>(per_minute: u32) -> Limit<K> {
    (per_minute > 0).then(|| Mutex::new(Buckets::new(per_minute)))
}

impl Rates {
    /// All buckets full.
    pub(super) fn new(limits: RateLimits, clock: Clock) -> Self {
        let (owners, addresses) = (limit(limits.per_minute), limit(limits.anonymous_per_minute));
        Self(Arc::new(Parts { owners, addresses, clock }))
    }

    /// Counts a request of somebody who proved who they are.
    ///
    /// # Errors
    /// The refusal when they asked too often.
    pub(super) fn by(&self, principal: Principal) -> Result<(), Rejection> {
        self.take(&self.0.owners, principal.into(), "principal")
    }

    /// Counts a request that proves nothing, or fails to.
    ///
    /// # Errors
    /// The refusal when there were too many from there.
    pub(super) fn from(&self, address: ClientAddress) -> Result<(), Rejection> {
        self.take(&self.0.addresses, address, "address")
    }

    /// Takes back what was counted by [`Self::from`]: it has been proven since who it was.
    pub(super) fn proven(&self, address: ClientAddress) {
        if let Some(buckets) = &self.0.addresses {
            buckets.lock().unwrap_or_else(PoisonError::into_inner).give_back(&address);
        }
    }

    fn take<K: Hash + Eq>(&self, limit: &Limit<K>, key: K, of: &'static str) -> Result<(), Rejection> {
        let Some(buckets) = limit else { return Ok(()) };
        let taken = buckets.lock().unwrap_or_else(PoisonError::into_inner).take(key, self.0.clock.now());
        taken.map_err(|wait| {
            metrics::counter!("switchboard_rate_limited_total", "of" => of).increment(1);
            refusal(wait)
        })
    }
}

fn refusal(wait: Duration) -> Rejection {
    // Who waits as long as told must not come too early.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!("too many requests; wait {seconds} seconds");
    let refusal = Rejection::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message);
    Rejection { retry_after: Some(seconds), ..refusal }
}
