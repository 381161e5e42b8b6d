//! How many GraphQL requests are executed at the same time: by the server, and for one caller, so that no caller can take the
//! server's whole capacity by waiting for a slow provider.
//!
//! A tenant and its agents have one share, over HTTP and on sockets together; an operator has one of their own; requests
//! that prove nothing share their address's. HTTP requests beyond a share are refused, operations on sockets wait for it.
//! Webhooks are not counted: a call is always answered.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::rate::ClientAddress;
use super::rejection::Rejection;
use crate::auth::Principal;
use crate::domain::Shares;

/// HTTP requests executed at the same time; more are turned away at once. It bounds memory, and how long one waits for the
/// database.
const MAX_EXECUTING: usize = 512;
/// Requests of one caller executed at the same time.
const MAX_PER_CALLER: usize = 32;
/// Whose share it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sharer {
    Tenant(Uuid),
    Operator(Uuid),
    Address(ClientAddress),
}

impl Sharer {
    /// Whoever proved who they are, else their address.
    pub(super) fn of(principal: Option<Principal>, address: ClientAddress) -> Self {
        match principal {
            Some(Principal::Tenant(tenant) | Principal::Agent { tenant, .. }) => Self::Tenant(tenant.0),
            Some(Principal::Operator { subject, .. }) => Self::Operator(subject),
            None => Self::Address(address),
        }
    }
}

/// Counts requests that are executed. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Executing {
    free: Arc<Semaphore>,
    shares: Shares<Sharer>,
}

/// The right to execute one request, until dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    _of_caller: OwnedSemaphorePermit,
    _of_server: OwnedSemaphorePermit,
}

impl Executing {
    /// Nothing is executed so far.
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_EXECUTING)), shares: Shares::new(MAX_PER_CALLER) }
    }

    /// The right to execute a request of this caller.
    ///
    /// # Errors
    /// The refusal when the caller, or all callers together, have as many executed as may be.
    pub(super) fn begin(&self, whose: Sharer) -> Result<InFlight, Rejection> {
        let of_caller = self.share(whose).try_acquire_owned().map_err(|_| {
            let message =
                format!("{MAX_PER_CALLER} of your requests are being executed; try again in 1 second");
            refusal("caller", StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
        })?;
        let of_server = Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            let message =
                format!("the server executes {MAX_EXECUTING} requests already; try again in 1 second");
            refusal("server", StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
        })?;
        Ok(InFlight { _of_caller: of_caller, _of_server: of_server })
    }

    /// The semaphore that this caller's requests take their permits from.
    pub(super) fn share(&self, whose: Sharer) -> Arc<Semaphore> {
        self.shares.of(whose)
    }
}

fn refusal(limit: &'static str, status: StatusCode, code: &'static str, message: String) -> Rejection {
    metrics::counter!("switchboard_graphql_shed_total", "limit" => limit).increment(1);
    Rejection { retry_after: Some(1), ..Rejection::new(status, code, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentId, TenantId};

    fn tenant(n: u128) -> Sharer {
        Sharer::Tenant(Uuid::from_u128(n))
    }

    #[test]
    fn one_caller_has_a_share_and_all_have_the_server() {
        let executing = Executing::new();
        let mut held: Vec<_> = (0..MAX_PER_CALLER).map(|_| executing.begin(tenant(1)).unwrap()).collect();
        assert_eq!(executing.begin(tenant(1)).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        for n in 2..=(MAX_EXECUTING / MAX_PER_CALLER) as u128 {
            held.extend((0..MAX_PER_CALLER).map(|_| executing.begin(tenant(n)).unwrap()));
        }
        assert_eq!(executing.begin(tenant(1000)).unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        held.clear();
        drop(executing.begin(tenant(1)).unwrap());
    }

    #[test]
    fn agents_share_with_their_tenant_and_nobody_with_an_operator_or_an_address() {
        let address = ClientAddress::from(std::net::IpAddr::from([192, 0, 2, 1]));
        let (id, agent) = (TenantId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let of = |principal| Sharer::of(principal, address);
        assert_eq!(of(Some(Principal::Agent { tenant: id, agent })), of(Some(Principal::Tenant(id))));
        let operator = Principal::Operator { subject: id.0, acting_for: Some(id) };
        assert_eq!(of(Some(operator)), Sharer::Operator(id.0));
        assert_eq!(of(None), Sharer::Address(address));
    }
}
