//! GraphQL type `AuditEvent` and its list.

use async_graphql::{Context, ID, Object};

use super::paging::{List, Listed, wrap};
use super::scalars::DateTime;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store::{PageOf, PageRequest};

/// An entry of the audit trail.
#[derive(Debug, Clone)]
pub(crate) struct AuditEvent(pub(crate) domain::AuditEvent);

/// An entry of the audit trail: one change, or one request of an operator. Entries cannot be changed or
/// deleted.
#[Object]
impl AuditEvent {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Who requested it: `tenant:` or `operator:` and the user id, or `system` for work that the server does by
    /// itself.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// The mutation's name; work that the server does by itself has the name of the matching mutation. Requests
    /// of operators are recorded as the operation's type and name, such as `query Calls`, before they are
    /// executed.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// Global id of the agent or number, or of the operation for its end; `null` for an operator's request.
    async fn subject(&self) -> Option<ID> {
        self.0.subject.clone().map(Into::into)
    }

    /// `succeeded`; `accepted` if the work continues, with later entries of the same `requestId`; or `failed: `
    /// and a `UserErrorCode`.
    async fn outcome(&self) -> &str {
        &self.0.outcome
    }

    /// Id of the request, as in its response header `X-Request-Id` and in `extensions.requestId` of errors. The
    /// end of an operation has the id of the request that started it.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// When it was recorded.
    async fn at(&self) -> DateTime {
        DateTime(self.0.at)
    }
}

impl Listed for AuditEvent {
    type Filter = ();
    const LIST: List = List::AuditEvents;
    const CONNECTION: &'static str = "AuditEventConnection";
    const EDGE: &'static str = "AuditEventEdge";

    async fn page(ctx: &Context<'_>, (): &Self::Filter, page: PageRequest) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        // The list is an error for an agent's token, since an empty one would look like an empty trail.
        session.owner()?;
        Ok(wrap(session.reader().await?.audit_events(page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, (): &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        Ok(session.reader().await?.count_audit_events().await?)
    }
}
