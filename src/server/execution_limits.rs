//! Concurrency limits for GraphQL requests, per server and per caller. The limit per caller keeps one
//! caller's slow requests from taking the server's whole capacity.
//!
//! A tenant and its agents share one limit, across HTTP and sockets; each operator has its own;
//! unauthenticated requests share the limit of their address. HTTP requests beyond a limit are rejected;
//! operations on sockets wait. Webhooks are not limited here, because calls must be answered.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::rate::ClientAddress;
use super::rejection::Rejection;
use crate::auth::Principal;
use crate::domain::Shares;

/// HTTP requests that the server executes concurrently. Bounds memory and the wait for a database connection.
const MAX_EXECUTING: usize = 512;
/// Requests that one caller has executing concurrently.
const MAX_PER_CALLER: usize = 32;
/// Requests with files that are received and executed concurrently, one for each caller. Bounds their memory.
const MAX_WITH_FILES: usize = 4;

/// The caller whose limit a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ShareKey {
    Tenant(Uuid),
    Operator(Uuid),
    Address(ClientAddress),
}

impl ShareKey {
    /// Returns the principal's key, or the address's for unauthenticated requests. An agent counts as its tenant.
    pub(super) fn of(principal: Option<Principal>, address: ClientAddress) -> Self {
        match principal {
            Some(Principal::Tenant(tenant) | Principal::Agent { tenant, .. }) => Self::Tenant(tenant.0),
            Some(Principal::Operator { subject, .. }) => Self::Operator(subject),
            None => Self::Address(address),
        }
    }
}

/// The limits on concurrently executing requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ExecutionLimits {
    server: Arc<Semaphore>,
    callers: Shares<ShareKey>,
    server_files: Arc<Semaphore>,
    files: Shares<ShareKey>,
}

/// Permission to execute one request, returned when dropped.
#[derive(Debug)]
pub(super) struct ExecutionPermit {
    _caller: OwnedSemaphorePermit,
    _server: OwnedSemaphorePermit,
}

impl ExecutionLimits {
    /// Creates the limits with all permits available.
    pub(super) fn new() -> Self {
        Self {
            server: Arc::new(Semaphore::new(MAX_EXECUTING)),
            callers: Shares::new(MAX_PER_CALLER),
            server_files: Arc::new(Semaphore::new(MAX_WITH_FILES)),
            files: Shares::new(1),
        }
    }

    /// Acquires a permit for one request without waiting.
    ///
    /// # Errors
    /// 429 if the caller has [`MAX_PER_CALLER`] requests executing, 503 if the server has [`MAX_EXECUTING`].
    pub(super) fn acquire(&self, key: ShareKey) -> Result<ExecutionPermit, Rejection> {
        // The caller's permit first, so that a caller over its own limit takes none of the server's.
        let caller = self.share(key).try_acquire_owned().map_err(|_| {
            let message = format!(
                "at most {MAX_PER_CALLER} of your requests are executed at a time; try again in 1 second"
            );
            rejection("caller", StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
        })?;
        let server = Arc::clone(&self.server).try_acquire_owned().map_err(|_| {
            let message = format!(
                "the server executes at most {MAX_EXECUTING} requests at a time; try again in 1 second"
            );
            rejection("server", StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
        })?;
        Ok(ExecutionPermit { _caller: caller, _server: server })
    }

    /// Acquires a permit for one request with a file without waiting, before its body is read.
    ///
    /// # Errors
    /// 429 if the caller is sending another file, 503 if the server is receiving [`MAX_WITH_FILES`].
    pub(super) fn acquire_with_file(&self, key: ShareKey) -> Result<ExecutionPermit, Rejection> {
        let caller = self.files.of(key).try_acquire_owned().map_err(|_| {
            let message = "you are sending another file: try again when it has arrived".to_owned();
            rejection("caller", StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message)
        })?;
        let server = Arc::clone(&self.server_files).try_acquire_owned().map_err(|_| {
            let message = "too many files are being sent: try again in a minute".to_owned();
            rejection("server", StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
        })?;
        Ok(ExecutionPermit { _caller: caller, _server: server })
    }

    /// Returns the caller's semaphore, for socket operations that wait instead of being rejected.
    pub(super) fn share(&self, key: ShareKey) -> Arc<Semaphore> {
        self.callers.of(key)
    }
}

fn rejection(limit: &'static str, status: StatusCode, code: &'static str, message: String) -> Rejection {
    metrics::counter!("switchboard_graphql_shed_total", "limit" => limit).increment(1);
    Rejection { retry_after: Some(1), ..Rejection::new(status, code, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentId, TenantId};

    fn tenant(n: u128) -> ShareKey {
        ShareKey::Tenant(Uuid::from_u128(n))
    }

    #[test]
    fn a_caller_and_the_server_each_have_a_limit() {
        let limits = ExecutionLimits::new();
        let mut held: Vec<_> = (0..MAX_PER_CALLER).map(|_| limits.acquire(tenant(1)).unwrap()).collect();
        assert_eq!(limits.acquire(tenant(1)).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        for n in 2..=(MAX_EXECUTING / MAX_PER_CALLER) as u128 {
            held.extend((0..MAX_PER_CALLER).map(|_| limits.acquire(tenant(n)).unwrap()));
        }
        assert_eq!(limits.acquire(tenant(1000)).unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        held.clear();
        drop(limits.acquire(tenant(1)).unwrap());
    }

    #[test]
    fn a_caller_sends_one_file_at_a_time_and_takes_no_other_callers_turn() {
        let limits = ExecutionLimits::new();
        let held: Vec<_> =
            (1..=MAX_WITH_FILES as u128).map(|n| limits.acquire_with_file(tenant(n)).unwrap()).collect();
        assert_eq!(limits.acquire_with_file(tenant(1)).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(limits.acquire_with_file(tenant(9)).unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        drop(held);
        drop(limits.acquire_with_file(tenant(1)).unwrap());
    }

    #[test]
    fn agents_share_their_tenants_limit_and_nothing_is_shared_with_operators_or_addresses() {
        let address = ClientAddress::from(std::net::IpAddr::from([192, 0, 2, 1]));
        let (id, agent) = (TenantId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let of = |principal| ShareKey::of(principal, address);
        assert_eq!(of(Some(Principal::Agent { tenant: id, agent })), of(Some(Principal::Tenant(id))));
        let operator = Principal::Operator { subject: id.0, acting_for: Some(id) };
        assert_eq!(of(Some(operator)), ShareKey::Operator(id.0));
        assert_eq!(of(None), ShareKey::Address(address));
    }
}
