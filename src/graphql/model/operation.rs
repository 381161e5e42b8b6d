//! An operation.

use async_graphql::{Context, Enum, ID, Object};

use super::scalars::DateTime;
use super::{Agent, PhoneNumber, UserError};
use crate::domain;
use crate::graphql::errors::ApiError;

/// One durable piece of work at the providers.
#[derive(Debug, Clone)]
pub(crate) struct Operation(pub(crate) domain::Operation);

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::OperationKind")]
pub(crate) enum OperationKind {
    /// Creates a voice agent and, unless told otherwise, buys it a number.
    CreateAgent,
    /// Buys a number for an agent.
    ProvisionNumber,
    /// Gives a number back to the carrier.
    ReleaseNumber,
    /// Sets a number's webhooks at the carrier right.
    RepairNumber,
    /// Gives an agent's numbers back and deletes it at the voice provider.
    DeleteAgent,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::OperationState")]
pub(crate) enum OperationState {
    /// Written down, not begun.
    Pending,
    /// Begun; it goes on even if the request that asked for it is gone.
    Running,
    /// Did what it was to do.
    Succeeded,
    /// Ended without, and cleaned up after itself; `error` says why.
    Failed,
}

/// One durable piece of work at the providers: what it is doing, how it ended. It survives a crash of this
/// server; follow it with `operationUpdated`.
#[Object]
impl Operation {
    /// Its global id. Opaque: do not parse it.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it does.
    async fn kind(&self) -> OperationKind {
        self.0.kind.into()
    }

    /// How far it is.
    async fn state(&self) -> OperationState {
        self.0.state.into()
    }

    /// The step it does next, for people: `buy_number`; `done` when it is over. New steps may be added.
    async fn step(&self) -> &str {
        self.0.step.as_str()
    }

    /// How often the present step was begun.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// The agent it is about.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id).await
    }

    /// The number it is about, once there is one.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        PhoneNumber::load(ctx, self.0.number_id?).await
    }

    /// Why it failed, or which part of it could not be had; null otherwise.
    async fn error(&self) -> Option<UserError> {
        self.0.error.clone().map(UserError)
    }

    /// What it waits for before it tries the present step again: what the last attempt met. Null when it waits for nothing.
    async fn waits_for(&self) -> Option<UserError> {
        self.0.waits_for.clone().map(UserError)
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ended; null until then.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}
