//! An entry of the audit trail.

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

/// An entry of the audit trail: who did what, on which object, when, in which request, and what came of it. Nobody can
/// change or delete one.
#[Object]
impl AuditEvent {
    /// Its global id. Opaque: do not parse it.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Who: `tenant:` and your user id, `operator:` and theirs, or `system`: the server, which ends what was asked for.
    async fn actor(&self) -> &str {
        &self.0.actor
    }

    /// What: the name of the mutation that asks for it, also where nobody asked and the system does it by itself. For each request that an operator makes in your name, before
    /// it is let in, also `query`, `mutation` or `subscription`, with the operation's name where it has one: `query Calls`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// On which object, by its global id: the agent or the number; the operation where the event tells of its end. Null
    /// for an operator's access.
    async fn subject(&self) -> Option<ID> {
        self.0.subject.clone().map(Into::into)
    }

    /// What came of it. `succeeded`: it is done. `accepted`: it was let in; what comes of it has events of its own with
    /// the same `requestId`. `failed: ` and a UserErrorCode: it ended without, for that reason.
    async fn outcome(&self) -> &str {
        &self.0.outcome
    }

    /// The request, as its answer names it in the header `X-Request-Id` and in each error's `extensions`; the end of an
    /// operation stands under the request that asked for it.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// When.
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
        session.owner()?;
        Ok(wrap(session.reader().await?.audit_events(page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, (): &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        Ok(session.reader().await?.count_audit_events().await?)
    }
}
