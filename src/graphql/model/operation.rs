//! An operation.

use async_graphql::{Context, Enum, ID, Object};

use super::scalars::DateTime;
use super::{Agent, PhoneNumber, UserError};
use crate::domain::{self, operation_kinds};
use crate::graphql::errors::ApiError;

/// One durable piece of work at the providers.
#[derive(Debug, Clone)]
pub(crate) struct Operation(pub(crate) domain::Operation);

/// The list of kinds is the domain's.
macro_rules! public_kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal, $action:literal, [$($step:ident),+];)+) => {
        /// What an operation does. New kinds may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[graphql(remote = "crate::domain::OperationKind")]
        pub(crate) enum OperationKind { $($(#[$doc])* $kind),+ }
    };
}
operation_kinds!(public_kinds);

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::OperationState")]
pub(crate) enum OperationState {
    /// Stored, not begun.
    Pending,
    /// Begun. It continues even if the request that started it is gone.
    Running,
    /// Completed.
    Succeeded,
    /// Failed. Partial work was rolled back; `error` says why.
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

    /// The agent it is about; null if it is about none.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id?).await
    }

    /// The number it is about, once there is one; null if it is about none.
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
