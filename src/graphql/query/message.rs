//! `messages`, `messageThreads` and `estimateMessage`.

use async_graphql::{Context, Object};

use crate::domain::Segments;
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::model::{
    Connection, Message, MessageEstimate, MessageFilter, MessageThread, MessageThreadFilter, PageArgs, cost,
};

/// Longest text that is counted, in bytes.
const LONGEST_ESTIMATE: usize = 16_000;

/// Queries about text messages.
#[derive(Debug, Default)]
pub(super) struct MessageQuery;

#[Object]
impl MessageQuery {
    /// Text messages from and to the tenant's numbers, newest first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all messages.")] filter: Option<MessageFilter>,
    ) -> Result<Connection<Message>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// Threads of text messages, the one with the latest message or change first.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn message_threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start, or after `after`: 1 to 100. Default 20.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only items after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, or before `before`: 1 to 100. Excludes `first`.")]
        last: Option<i32>,
        #[graphql(desc = "Only items before this cursor.")] before: Option<String>,
        #[graphql(desc = "Filter. Default: all threads.")] filter: Option<MessageThreadFilter>,
    ) -> Result<Connection<MessageThread>, ApiError> {
        let page = PageArgs { first, after, last, before };
        Connection::read(ctx, &page, filter.unwrap_or_default().try_into()?).await
    }

    /// Counts the segments of a text, as the carrier does. Nothing is sent.
    async fn estimate_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The text, at most 16000 bytes.")] body: String,
    ) -> Result<MessageEstimate, ApiError> {
        ctx.session()?.scope()?;
        if body.len() > LONGEST_ESTIMATE {
            let message = format!("body: at most {LONGEST_ESTIMATE} bytes are allowed");
            return Err(ApiError::bad_input(message));
        }
        Ok(Segments::of(&body).into())
    }
}
