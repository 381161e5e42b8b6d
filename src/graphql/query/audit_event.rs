//! `auditEvents`.

use async_graphql::{Context, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{AuditEvent, Connection, PageArgs, cost};

/// Questions about the audit trail.
#[derive(Debug, Default)]
pub(super) struct AuditEventQuery;

#[Object]
impl AuditEventQuery {
    /// Your audit trail, newest first: every change, and every request that an operator made in your name. Not for an
    /// agent's token.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or after `after`: 1 to 100, 20 when unset.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<AuditEvent>, ApiError> {
        Connection::read(ctx, &PageArgs { first, after, last, before }, ()).await
    }
}
