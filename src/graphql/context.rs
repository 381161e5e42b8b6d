//! The request's session, for resolvers: the caller, and access to the caller's rows.
//!
//! One function decides from the principal which rows are visible ([`Session::scope`]); transactions are opened here and
//! nowhere else. A query's resolvers share one read transaction, opened on first use. It is closed before anything is written,
//! while a provider is called ([`Session::release`]), and before a response is handed over ([`Session::rest`]): neither a
//! client that reads slowly nor a subscription that waits for an event holds a database connection.
//!
//! Long data is charged to the response before it is built ([`Session::spend`]); a response beyond [`MAX_ANSWER`] becomes an
//! error that says how to ask for less.
//!
//! Requests on a socket take turns ([`Session::take_turn`]), so that only a few responses of one socket are in
//! progress or waiting to be sent, however slowly its client reads.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_graphql::{Context, Request};
use tokio::sync::{OwnedSemaphorePermit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, oneshot};
use tokio::time::Instant;

use super::errors::ApiError;
use super::loaders::{self, Loaders};
use super::rounds::Rounds;
use super::scope::Scope;
use crate::auth::{MediaLinks, Principal};
use crate::domain::{Actor, Author, Clock, HealthProbes, Refusal, TenantId, UsedUp};
use crate::provisioning::{Provisioning, Reconciler};
use crate::store::{Database, SystemStore, TenantStore};

/// Services used by resolvers.
#[derive(Debug, Clone)]
pub struct Services {
    /// Opens connections to the database for a tenant or the system.
    pub database: Database,
    /// Stores and runs durable operations, and knows prices and the dialling policy.
    pub provisioning: Provisioning,
    /// Reads the report of the last reconciliation.
    pub reconciler: Reconciler,
    /// Makes links to files of messages.
    pub media_links: MediaLinks,
    /// The clock, which follows the database's.
    pub clock: Clock,
    /// The state of the server's parts, for operators.
    pub health: HealthProbes,
    /// Whether the carrier is an emulated one.
    pub is_sandbox: bool,
}

/// The caller and the request. `principal` is `None` for introspection without a token.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The authenticated caller; `None` without a token.
    pub principal: Option<Principal>,
    /// Id of the request, for responses, logs and the audit trail.
    pub request_id: String,
}

/// One request: its services, its caller, and its read transaction once that is open.
#[derive(Debug)]
pub(crate) struct Session {
    services: Services,
    caller: Caller,
    reader: RwLock<Option<TenantStore>>,
    waits_until: OnceLock<Instant>,
    operations: AtomicU8,
    spent: AtomicUsize,
    turns: Option<Turns>,
    turn: Mutex<Option<(Turn, OwnedSemaphorePermit)>>,
    started: Mutex<Option<oneshot::Sender<()>>>,
}

/// Semaphores from which a socket's requests take turns.
#[derive(Debug, Clone)]
pub struct Turns {
    /// Responses of the socket in progress or waiting to be sent.
    pub of_socket: Arc<Semaphore>,
    /// Requests of the caller in progress, on any connection.
    pub of_caller: Arc<Semaphore>,
}

/// Permission to make a response, held until it is sent.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// Maximum operations that one request may start, because they compete for the providers with those of other
/// tenants. The mutations of a request run one after the other, and one response carries all their tokens.
const MOST_OPERATIONS: u8 = 5;

/// Maximum bytes of one response.
pub(super) const MAX_ANSWER: usize = 10_000_000;

/// The read transaction, borrowed for a statement or two; never while waiting for a loader or another transaction.
pub(crate) type Reading<'a> = RwLockReadGuard<'a, TenantStore>;

/// While this exists, no transaction of the request is open.
pub(crate) struct Released<'a>(
    #[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'a, Option<TenantStore>>,
);

impl Session {
    /// Creates the session of one request. With `turns` it shares a socket's capacity.
    pub(crate) fn new(services: Services, caller: Caller, turns: Option<Turns>) -> Self {
        Self {
            services,
            caller,
            reader: RwLock::new(None),
            waits_until: OnceLock::new(),
            operations: AtomicU8::new(0),
            spent: AtomicUsize::new(0),
            turns,
            turn: Mutex::default(),
            started: Mutex::default(),
        }
    }

    /// Adds a signal for the socket: the request's subscription has begun to watch.
    pub(super) fn with_start_signal(self, started: oneshot::Sender<()>) -> Self {
        Self { started: Mutex::new(Some(started)), ..self }
    }

    /// Signals the socket that every change from now on is sent.
    pub(super) fn signal_start(&self) {
        if let Some(started) = self.started.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Fails if the socket was closed, which needs no signal.
            let _ = started.send(());
        }
    }

    /// Adds the session and its loaders, which run in these rounds, to a request.
    pub(super) fn enter(self: Arc<Self>, request: Request, rounds: Rounds) -> Request {
        request.data(loaders::over(Arc::clone(&self), rounds)).data(self)
    }

    /// Whether the caller is authenticated.
    pub(super) fn is_authenticated(&self) -> bool {
        self.caller.principal.is_some()
    }

    /// The rows that the caller may see.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller; `FORBIDDEN` for an operator without a tenant.
    pub(crate) fn scope(&self) -> Result<Scope, ApiError> {
        match self.caller.principal {
            None => Err(ApiError::unauthenticated()),
            Some(Principal::Tenant(tenant)) => Ok(Scope::whole(tenant)),
            Some(Principal::Operator { acting_for: Some(tenant), .. }) => Ok(Scope::whole(tenant)),
            Some(Principal::Operator { acting_for: None, .. }) => Err(ApiError::forbidden(
                "an operator must name a tenant: send its user id in the header X-Tenant-Id",
            )),
            Some(Principal::Agent { tenant, agent }) => Ok(Scope::only(tenant, agent)),
        }
    }

    /// The tenant, for what an agent's token must not do: mutations, searches, reading the tenant itself.
    ///
    /// # Errors
    /// Those of [`Self::scope`], and `FORBIDDEN` for an agent.
    pub(crate) fn owner(&self) -> Result<TenantId, ApiError> {
        let scope = self.scope()?;
        if scope.is_whole() {
            Ok(scope.tenant())
        } else {
            Err(ApiError::forbidden("an agent's token can read its own agent only: use the tenant's token"))
        }
    }

    /// Access to all tenants' rows, for operators.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller, `FORBIDDEN` for everybody but operators.
    pub(crate) fn estate(&self) -> Result<SystemStore, ApiError> {
        match self.caller.principal {
            None => Err(ApiError::unauthenticated()),
            Some(Principal::Operator { .. }) => Ok(self.services.database.system()),
            Some(Principal::Tenant(_) | Principal::Agent { .. }) => {
                Err(ApiError::forbidden("only operators may read this: use an operator's token"))
            }
        }
    }

    /// The caller.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without one.
    pub(crate) fn principal(&self) -> Result<Principal, ApiError> {
        self.caller.principal.ok_or_else(ApiError::unauthenticated)
    }

    /// Access to all tenants' rows, if the caller is an operator who acts for no tenant: what tenants list of their own is
    /// listed for all of them then.
    pub(crate) fn across_tenants(&self) -> Option<SystemStore> {
        let is_for_all = matches!(self.caller.principal, Some(Principal::Operator { acting_for: None, .. }));
        is_for_all.then(|| self.services.database.system())
    }

    /// The request's read transaction, opened on first use.
    ///
    /// # Errors
    /// Those of [`Self::scope`], or the store's.
    pub(crate) async fn reader(&self) -> Result<Reading<'_>, ApiError> {
        self.door(self.scope()?.tenant()).await
    }

    /// A read transaction for this tenant: the caller's own, or any tenant's for an operator.
    ///
    /// # Errors
    /// Those of [`Self::estate`] for another tenant, or the store's.
    pub(crate) async fn reader_of(&self, tenant: TenantId) -> Result<Reading<'_>, ApiError> {
        if !self.scope().is_ok_and(|scope| scope.tenant() == tenant) {
            self.estate()?;
        }
        self.door(tenant).await
    }

    async fn door(&self, tenant: TenantId) -> Result<Reading<'_>, ApiError> {
        fn of(door: &Option<TenantStore>, tenant: TenantId) -> Option<&TenantStore> {
            door.as_ref().filter(|door| door.tenant_id() == tenant)
        }
        // The usual case: the transaction is open, and resolvers share it.
        if let Ok(open) = RwLockReadGuard::try_map(self.reader.read().await, |door| of(door, tenant)) {
            return Ok(open);
        }
        let mut door = self.reader.write().await;
        // Another resolver may have opened it while this one waited for the lock.
        if of(&door, tenant).is_none() {
            // Boxed, since it happens once a request and would enlarge the future of every field.
            *door = Some(Box::pin(self.services.database.read_as(tenant)).await?);
        }
        // Downgraded and not released, so that nobody closes the transaction in between.
        let open = RwLockReadGuard::try_map(door.downgrade(), |door| of(door, tenant));
        open.map_err(|_| ApiError::internal(DoorClosed))
    }

    /// A write transaction, opened after the read transaction was closed. Dropped without a commit, it stores nothing.
    ///
    /// # Errors
    /// Those of [`Self::owner`], or the store's.
    pub(crate) async fn writer(&self) -> Result<TenantStore, ApiError> {
        // First, so that a caller without permission does not even close the read transaction.
        let tenant = self.owner()?;
        self.writer_of(tenant).await
    }

    /// A write transaction for this tenant, like [`Self::writer`]: the caller's own, or any tenant's for an operator.
    ///
    /// # Errors
    /// Those of [`Self::estate`] for another tenant, or the store's.
    pub(crate) async fn writer_of(&self, tenant: TenantId) -> Result<TenantStore, ApiError> {
        if !self.owner().is_ok_and(|own| own == tenant) {
            self.estate()?;
        }
        let _released = self.release().await;
        let author = self.author()?;
        Ok(Box::pin(self.services.database.write_by(author, tenant)).await?)
    }

    /// Closes the read transaction and keeps it closed while the result exists. Hold the result while
    /// a provider is called.
    pub(crate) async fn release(&self) -> Released<'_> {
        let mut door = self.reader.write().await;
        // Nobody reads at this point: the lock waits for all borrows, and new readers wait for the lock.
        *door = None;
        Released(door)
    }

    /// Adds bytes to the response's size, approximately as they will be serialized.
    ///
    /// # Errors
    /// `QUERY_TOO_COMPLEX` once the answer would be too large.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), ApiError> {
        // Relaxed: the sum is an estimate, and the resolvers of a request run in one task.
        let spent = self.spent.fetch_add(bytes, Ordering::Relaxed);
        if spent.saturating_add(bytes) > MAX_ANSWER { Err(ApiError::answer_too_large()) } else { Ok(()) }
    }

    /// Rejects data that would exceed the response's remaining size, before it is read completely.
    ///
    /// # Errors
    /// `QUERY_TOO_COMPLEX`, as for [`Self::spend`].
    pub(super) fn has_room_for(&self, bytes: usize) -> Result<(), ApiError> {
        let spent = self.spent.load(Ordering::Relaxed);
        if spent.saturating_add(bytes) > MAX_ANSWER { Err(ApiError::answer_too_large()) } else { Ok(()) }
    }

    /// Waits for the request's turn to make a response, if it takes turns and has none.
    pub(super) async fn take_turn(&self) {
        let Some(turns) = self.turns.clone().filter(|_| self.turn().is_none()) else { return };
        // The semaphores are never closed.
        // The socket's turn first: a request that waits behind its own socket must not hold one of the caller's.
        if let Ok(of_socket) = turns.of_socket.acquire_owned().await
            && let Ok(of_caller) = turns.of_caller.acquire_owned().await
        {
            *self.turn() = Some((Turn(of_socket), of_caller));
        }
    }

    /// Closes the read transaction and hands over the socket's turn, because the response is complete. The
    /// caller's turn is returned at once, since a client may read slowly.
    pub(super) async fn rest(&self) -> Option<Turn> {
        drop(self.release().await);
        // The size limit applies to each response of a subscription, not to their sum.
        self.spent.store(0, Ordering::Relaxed);
        self.turn().take().map(|(turn, _)| turn)
    }

    fn turn(&self) -> MutexGuard<'_, Option<(Turn, OwnedSemaphorePermit)>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an operator's access in the tenant's audit trail, in a separate transaction. Does
    /// nothing for other callers.
    ///
    /// # Errors
    /// The store's. The request must then be rejected.
    pub(super) async fn audit_access(&self, action: impl FnOnce() -> String) -> Result<(), ApiError> {
        let Some(Principal::Operator { acting_for: Some(tenant), .. }) = self.caller.principal else {
            return Ok(());
        };
        let (author, action) = (self.author()?, action());
        // Committed by itself: the access is recorded even if the request fails afterwards.
        let write = async {
            let store = self.services.database.write_by(author, tenant).await?;
            store.audit_access(&action).await?;
            store.commit().await
        };
        Ok(Box::pin(write).await?)
    }

    /// The author for the audit trail.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller, `FORBIDDEN` for an agent, which cannot change anything.
    pub(crate) fn author(&self) -> Result<Author, ApiError> {
        let actor = match self.caller.principal {
            Some(Principal::Operator { subject, .. }) => Actor::Operator(subject),
            // An agent is no author: its token only reads, so `owner` rejects it.
            _ => Actor::Tenant(self.owner()?),
        };
        Ok(Author { actor, request_id: self.caller.request_id.clone() })
    }

    /// Services used by resolvers.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// Deadline up to which this request waits for all its operations together.
    pub(crate) fn waits_until(&self) -> Instant {
        // One deadline for all: mutations run one after the other, and each waiting its full time
        // would exceed the limit.
        *self.waits_until.get_or_init(|| self.services.provisioning.wait_until())
    }

    /// Counts an operation that the request is about to start.
    ///
    /// # Errors
    /// `LIMIT_REACHED` above the limit; that operation is not started.
    pub(crate) fn count_operation(&self) -> Result<(), Refusal> {
        if self.operations.fetch_add(1, Ordering::Relaxed) < MOST_OPERATIONS {
            return Ok(());
        }
        // Reset to the limit, so that repeated requests cannot overflow the counter.
        self.operations.store(MOST_OPERATIONS, Ordering::Relaxed);
        let message = format!(
            "one request can start at most {MOST_OPERATIONS} operations: send further requests for the others"
        );
        Err(Refusal::limit_reached(UsedUp::Request, message))
    }

    /// The service that stores and runs durable operations.
    pub(crate) fn provisioning(&self) -> &Provisioning {
        &self.services.provisioning
    }
}

/// Access to the request's data from a resolver.
pub(crate) trait ContextExt {
    /// The session with which the request was entered.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` if the request has no session.
    fn session(&self) -> Result<&Arc<Session>, ApiError>;

    /// The loaders of this request, which no other request shares.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, as for [`Self::session`].
    fn loaders(&self) -> Result<&Loaders, ApiError>;
}

impl ContextExt for Context<'_> {
    fn session(&self) -> Result<&Arc<Session>, ApiError> {
        self.data_opt::<Arc<Session>>().ok_or_else(ApiError::unauthenticated)
    }

    fn loaders(&self) -> Result<&Loaders, ApiError> {
        self.data_opt::<Loaders>().ok_or_else(ApiError::unauthenticated)
    }
}

/// A defect: the read transaction, opened just before under the same lock, is closed.
#[derive(Debug, thiserror::Error)]
#[error("the read transaction closed while it was being opened")]
struct DoorClosed;
