//! Type `Operation`.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::paging::{List, Listed, nothing, wrap};
use super::scalars::DateTime;
use super::{Agent, PhoneNumber, Tenant, UserError, read_id};
use crate::auth::Principal;
use crate::domain::{self, operation_kinds};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store::{self, PageOf, PageRequest};

/// Action recorded in a tenant's audit trail when an operator lists the operations of all tenants.
const ACTION: &str = "query operations";

/// A durable operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation(pub(crate) domain::Operation);

/// The list of kinds is the domain's.
macro_rules! public_kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal, $action:literal, [$($step:ident),+];)+) => {
        /// Kind of an operation. New kinds may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[graphql(remote = "crate::domain::OperationKind")]
        pub(crate) enum OperationKind { $($(#[$doc])* $kind),+ }
    };
}
operation_kinds!(public_kinds);

/// State of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::OperationState")]
pub(crate) enum OperationState {
    /// Accepted, but not started. A release waits here for the end of its grace period.
    Pending,
    /// In progress. It continues without the request that started it, also after a crash of the server.
    Running,
    /// Completed.
    Succeeded,
    /// Failed. Partial work was rolled back; `error` contains the reason.
    Failed,
}

/// Durable work at the providers. It survives a crash of the server. Follow it with `operationUpdated`.
#[Object]
impl Operation {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Kind of operation.
    async fn kind(&self) -> OperationKind {
        self.0.kind.into()
    }

    /// State of the operation.
    async fn state(&self) -> OperationState {
        self.0.state.into()
    }

    /// The next step, such as `buy_number`; `done` if the operation has ended. For display only: new steps may
    /// be added.
    async fn step(&self) -> &str {
        self.0.step.as_str()
    }

    /// Number of attempts at the current step.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// The tenant that owns the operation; `null` unless an operator asks.
    #[graphql(complexity = "child_complexity + 1")]
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Option<Tenant>, ApiError> {
        match ctx.session()?.principal()? {
            Principal::Operator { .. } => {
                Ok(Box::pin(ctx.loaders()?.load_one(self.0.tenant_id)).await?.map(Tenant))
            }
            // A tenant knows whose operation it is, and has no `Tenant` to read.
            Principal::Tenant(_) | Principal::Agent { .. } => Ok(None),
        }
    }

    /// The agent that the operation is about; `null` if it is about none. An operator must name the tenant to
    /// read it.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id?).await
    }

    /// The number that the operation is about; `null` until one is chosen, or if it is about none. An operator
    /// must name the tenant to read it.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        PhoneNumber::load(ctx, self.0.number_id?).await
    }

    /// Why the operation failed, or which part of it was not possible; `null` otherwise.
    async fn error(&self) -> Option<UserError> {
        self.0.error.clone().map(UserError)
    }

    /// What the operation waits for before it retries the current step: the result of the last attempt. `null`
    /// if it is not waiting.
    async fn waits_for(&self) -> Option<UserError> {
        self.0.waits_for.clone().map(UserError)
    }

    /// When the operation was requested.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When the operation ended; `null` until then.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}

/// Filter for operations. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct OperationFilter {
    /// Only operations about this agent.
    agent_id: Option<ID>,
    /// Only operations about this number.
    phone_number_id: Option<ID>,
    /// Only operations of this kind.
    kind: Option<OperationKind>,
    /// Only operations in this state.
    state: Option<OperationState>,
}

impl TryFrom<OperationFilter> for store::OperationFilter {
    type Error = ApiError;

    fn try_from(filter: OperationFilter) -> Result<Self, ApiError> {
        Ok(Self {
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            number: filter.phone_number_id.map(|id| read_id("filter.phoneNumberId", &id)).transpose()?,
            kind: filter.kind.map(Into::into),
            state: filter.state.map(Into::into),
        })
    }
}

impl Listed for Operation {
    type Filter = store::OperationFilter;
    const LIST: List = List::Operations;
    const CONNECTION: &'static str = "OperationConnection";
    const EDGE: &'static str = "OperationEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        if let Some(estate) = session.across_tenants() {
            let author = session.author()?;
            // Closed while the audit trails are written: SQLite has one writer.
            let _released = session.release().await;
            return Ok(wrap(estate.operations_shown_to(&author, ACTION, filter, page).await?, Self));
        }
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::OperationFilter { agent, ..filter.clone() };
        Ok(wrap(session.reader().await?.operations(&filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        if let Some(estate) = session.across_tenants() {
            return Ok(estate.count_operations(filter).await?);
        }
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        let filter = store::OperationFilter { agent, ..filter.clone() };
        Ok(session.reader().await?.count_operations(&filter).await?)
    }
}
