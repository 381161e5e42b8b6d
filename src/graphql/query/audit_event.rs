//! `auditEvents`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{AuditEvent, AuditEventFilter, Connection, PageArgs, cost};

/// Queries about the audit trail.
#[derive(Debug, Default)]
pub(super) struct AuditEventQuery;

#[Object]
impl AuditEventQuery {
    /// The tenant's audit trail, newest first: every change, and every operator's request. Not available with
    /// an agent's token.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: the whole trail.")] filter: Option<AuditEventFilter>,
    ) -> Result<Connection<AuditEvent>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }
}
