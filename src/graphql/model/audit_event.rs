//! GraphQL type `AuditEvent` and its list.

use async_graphql::{Context, Enum, ID, InputObject, Object};

use super::paging::{List, Listed, wrap};
use super::read_id;
use super::scalars::DateTime;
use crate::domain;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store::{self, PageOf, PageRequest};

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

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AuditOutcomeKind")]
pub(crate) enum AuditEventOutcome {
    /// The work continues; a later entry tells how it ended.
    Accepted,
    /// The action succeeded.
    Succeeded,
    /// The action failed; the entry's `outcome` has the code.
    Failed,
}

/// Filter for the audit trail. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct AuditEventFilter {
    /// Only this action: a mutation's name, such as `updateAgent`, or an operator's request, such as `query Calls`.
    action: Option<String>,
    /// Only actions of this actor, in the form of `AuditEvent.actor`.
    actor: Option<String>,
    /// Only actions on this agent, number or operation.
    subject: Option<ID>,
    /// Only actions with this outcome.
    outcome: Option<AuditEventOutcome>,
    /// Only entries recorded at or after this time.
    recorded_after: Option<DateTime>,
    /// Only entries recorded before this time.
    recorded_before: Option<DateTime>,
}

/// Longest text of a filter in characters. Stored ones are shorter: a mutation's name, or an operator's request.
const MAX_TEXT: usize = 200;

impl TryFrom<AuditEventFilter> for store::AuditEventFilter {
    type Error = ApiError;

    fn try_from(filter: AuditEventFilter) -> Result<Self, ApiError> {
        let text = |name: &str, text: Option<String>| match text {
            // Postgres rejects a text with a NUL character, which would look like a failure of the server.
            Some(text) if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) => {
                Err(ApiError::bad_input(format!(
                    "filter.{name}: at most {MAX_TEXT} characters are allowed, and no control characters"
                )))
            }
            text => Ok(text),
        };
        Ok(Self {
            action: text("action", filter.action)?,
            actor: text("actor", filter.actor)?,
            subject: filter.subject.map(|id| read_id("filter.subject", &id)).transpose()?,
            outcome: filter.outcome.map(Into::into),
            recorded_after: filter.recorded_after.map(|at| at.0),
            recorded_before: filter.recorded_before.map(|at| at.0),
        })
    }
}

impl Listed for AuditEvent {
    type Filter = store::AuditEventFilter;
    const LIST: List = List::AuditEvents;
    const CONNECTION: &'static str = "AuditEventConnection";
    const EDGE: &'static str = "AuditEventEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        let session = ctx.session()?;
        // The list is an error for an agent's token, since an empty one would look like an empty trail.
        session.owner()?;
        Ok(wrap(session.reader().await?.audit_events(filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        let session = ctx.session()?;
        session.owner()?;
        Ok(session.reader().await?.count_audit_events(filter).await?)
    }
}
