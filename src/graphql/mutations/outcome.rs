//! What a mutation came to: refused, with everything the client can put right, or accepted. What is neither is
//! an error of the whole field.
//!
//! Once an operation is committed, nothing fails its field any more ([`carried_out`], [`now_or`]): a client that is told
//! "try again" would buy a second number, and a token that was not shown is lost.

use tracing::warn;

use crate::domain::{AgentId, NumberId, Operation, Refusal};
use crate::graphql::context::Session;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, PhoneNumber, UserError};
use crate::store::StoreError;

/// Why a mutation stopped; `?` sorts what comes its way.
#[derive(Debug)]
pub(super) enum Stop {
    /// The client can put it right.
    Refused(Vec<Refusal>),
    /// It cannot.
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

/// What a mutation came to.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    /// Nothing was written.
    Refused(Vec<Refusal>),
    /// It was written down, and carried out as far as `T` says.
    Accepted(T),
}

impl<T> Outcome<T> {
    /// Sorts what a mutation's steps returned.
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

    /// What was accepted.
    pub(super) fn accepted(&self) -> Option<&T> {
        match self {
            Self::Refused(_) => None,
            Self::Accepted(accepted) => Some(accepted),
        }
    }

    /// What the client can put right: why it was refused, or else why what was accepted ended without success.
    pub(super) fn user_errors<'a>(&'a self, late: impl Fn(&'a T) -> Option<&'a Refusal>) -> Vec<UserError> {
        match self {
            Self::Refused(refusals) => refusals.iter().cloned().map(UserError).collect(),
            Self::Accepted(accepted) => late(accepted).cloned().map(UserError).into_iter().collect(),
        }
    }
}

/// Waits for an operation that was committed. When the wait fails the operation is as it was written down: a worker carries
/// it out.
pub(super) async fn carried_out(session: &Session, committed: Operation) -> Operation {
    match session.provisioning().run(committed.id, session.waits_until()).await {
        Ok(operation) => operation,
        Err(failure) => {
            warn!(operation = %committed.id, error = &failure as &dyn std::error::Error, "the wait for an operation failed; it is carried out in the background");
            committed
        }
    }
}

/// What a read of a committed operation's subject gave, or how that was written down when it cannot be read.
pub(super) fn now_or<T>(read: Result<Option<T>, ApiError>, written: Option<impl Into<T>>) -> Option<T> {
    read.unwrap_or_else(|failure| {
        warn!(%failure, "what an accepted mutation changed could not be read back");
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

/// A number as it is now, if there is one.
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
