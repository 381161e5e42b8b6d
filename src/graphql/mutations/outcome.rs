//! Result of a mutation: rejected, with all errors that the client can correct, or accepted. Anything else is
//! an error of the whole field.
//!
//! Once an operation is committed, nothing fails its field ([`carried_out`], [`now_or`]): a client that reads "try again" would
//! buy a second number, and a token that was not returned is lost.

use tracing::warn;

use crate::domain::{self, AgentId, NumberId, Operation, OperationId, Refusal};
use crate::graphql::context::Session;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{self, Agent, PhoneNumber, UserError};
use crate::store::StoreError;

/// Why a mutation stopped. `?` converts errors into it.
#[derive(Debug)]
pub(super) enum Stop {
    /// Errors that the client can correct.
    Refused(Vec<Refusal>),
    /// Any other error, which fails the whole field.
    Broken(ApiError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(vec![refusal]),
            other => Self::Broken(other.into()),
        }
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Broken(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

/// Result of a mutation.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    /// Rejected with these errors: nothing was written.
    Refused(Vec<Refusal>),
    /// Stored, and carried out as far as `T` says.
    Accepted(T),
}

impl<T> Outcome<T> {
    /// Converts the result of a mutation's steps.
    ///
    /// # Errors
    /// What a client cannot put right.
    pub(super) fn of(result: Result<T, Stop>) -> Result<Self, ApiError> {
        match result {
            Ok(accepted) => Ok(Self::Accepted(accepted)),
            Err(Stop::Refused(refusals)) => Ok(Self::Refused(refusals)),
            Err(Stop::Broken(error)) => Err(error),
        }
    }

    /// The accepted request's result.
    pub(super) fn accepted(&self) -> Option<&T> {
        match self {
            Self::Refused(_) => None,
            Self::Accepted(accepted) => Some(accepted),
        }
    }

    /// Errors that the client can correct: why the request was rejected, or why the accepted work failed.
    pub(super) fn user_errors<'a>(&'a self, late: impl Fn(&'a T) -> Option<&'a Refusal>) -> Vec<UserError> {
        match self {
            Self::Refused(refusals) => refusals.iter().cloned().map(UserError).collect(),
            Self::Accepted(accepted) => late(accepted).cloned().map(UserError).into_iter().collect(),
        }
    }
}

/// An accepted request for an operation, with its agent or number as `T` once there is one.
#[derive(Debug)]
pub(super) struct Accepted<T> {
    pub(super) subject: Option<T>,
    pub(super) operation: model::Operation,
}

impl Accepted<PhoneNumber> {
    /// Waits for a committed operation on a number.
    pub(super) async fn of_number(
        session: &Session,
        committed: Operation,
        written: domain::PhoneNumber,
    ) -> Self {
        let (id, operation) = (written.id, carried_out(session, committed).await);
        // Read after the wait: the operation has changed the number meanwhile.
        let subject = now_or(number_now(session, Some(id)).await, Some(written));
        Self { subject, operation: model::Operation(operation) }
    }
}

impl<T> Outcome<Accepted<T>> {
    pub(super) fn subject(&self) -> Option<&T> {
        self.accepted().and_then(|accepted| accepted.subject.as_ref())
    }

    pub(super) fn operation(&self) -> Option<&model::Operation> {
        self.accepted().map(|accepted| &accepted.operation)
    }

    /// Why the request was rejected, or why the operation failed.
    pub(super) fn errors(&self) -> Vec<UserError> {
        self.user_errors(|accepted| accepted.operation.0.error.as_ref())
    }
}

/// Waits for a committed operation. If waiting fails, returns the operation as it was stored: a worker carries it out.
pub(super) async fn carried_out(session: &Session, committed: Operation) -> Operation {
    let ran = session.provisioning().run(committed.id, session.waits_until()).await;
    ran_or(ran, committed.id, committed)
}

/// The result of waiting for a committed operation, or `written` if waiting failed: a worker carries the operation out.
pub(super) fn ran_or<T>(ran: Result<T, StoreError>, id: OperationId, written: T) -> T {
    ran.unwrap_or_else(|failure| {
        warn!(operation = %id, error = &failure as &dyn std::error::Error, "wait for an operation failed: the operation continues in the background");
        written
    })
}

/// The object of a committed operation as it is now, or as it was stored if it cannot be read.
pub(super) fn now_or<T>(read: Result<Option<T>, ApiError>, written: Option<impl Into<T>>) -> Option<T> {
    read.unwrap_or_else(|failure| {
        warn!(%failure, "result of an accepted mutation not read back");
        written.map(Into::into)
    })
}

/// An agent as it is now, if there is one.
///
/// # Errors
/// What reading may fail with.
pub(super) async fn agent_now(
    session: &Session,
    id: impl Into<Option<AgentId>>,
) -> Result<Option<Agent>, ApiError> {
    let Some(id) = id.into() else { return Ok(None) };
    Ok(session.reader().await?.agents_by_id(&[id]).await?.pop().map(Agent::from))
}

/// Reads a number, if there is one.
///
/// # Errors
/// What reading may fail with.
pub(super) async fn number_now(
    session: &Session,
    id: Option<NumberId>,
) -> Result<Option<PhoneNumber>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    Ok(session.reader().await?.numbers_by_id(&[id]).await?.pop().map(PhoneNumber::from))
}
