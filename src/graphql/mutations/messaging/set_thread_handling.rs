//! The mutation `setThreadHandling`: says who answers a thread.

use async_graphql::{Context, ID, InputObject, Object};

use crate::domain::{self, Invalid, Refusal, ThreadId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{MessageThread, ThreadHandling, UserError};
use crate::graphql::mutations::input;
use crate::graphql::mutations::outcome::{Outcome, Stop};

/// Input of `setThreadHandling`.
#[derive(Debug, InputObject)]
pub(crate) struct SetThreadHandlingInput {
    /// Id of the thread.
    thread_id: ID,
    /// Who is to answer: AGENT, PERSON or NOBODY. WAITING_FOR_PERSON is set by the server alone.
    handling: ThreadHandling,
}

/// Payload of `setThreadHandling`: what was accepted, or why nothing was.
pub(crate) struct SetThreadHandlingPayload(Outcome<MessageThread>);

/// Result of `setThreadHandling`.
#[Object]
impl SetThreadHandlingPayload {
    /// The thread with its new handling; `null` if there are `userErrors`.
    async fn thread(&self) -> Option<&MessageThread> {
        self.0.accepted()
    }

    /// Errors that the client can correct. If there are any, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `setThreadHandling`; [`super::super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(crate) struct SetThreadHandling;

#[Object]
impl SetThreadHandling {
    /// Says who answers a thread: a person takes it over with PERSON and hands it back with AGENT.
    #[graphql(complexity = "child_complexity + 10")]
    async fn set_thread_handling(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The thread and who answers it.")] input: SetThreadHandlingInput,
    ) -> Option<Result<SetThreadHandlingPayload, ApiError>> {
        let set = async || set(ctx.session()?, &input).await;
        Some(Outcome::of(set().await).map(SetThreadHandlingPayload))
    }
}

async fn set(session: &Session, input: &SetThreadHandlingInput) -> Result<MessageThread, Stop> {
    session.owner()?;
    let id: ThreadId = input::id("threadId", &input.thread_id)?;
    let handling = domain::ThreadHandling::from(input.handling);
    if handling == domain::ThreadHandling::WaitingForPerson {
        let why = "a thread waits for a person when its agent cannot answer: choose AGENT, PERSON or NOBODY";
        return Err(Refusal::invalid("handling", &Invalid(why.to_owned())).into());
    }
    let store = session.writer().await?;
    let thread = store.set_handling(id, handling).await?;
    let thread = thread.ok_or_else(|| Refusal::not_found("thread", "threadId"))?;
    store.commit().await?;
    Ok(MessageThread(thread))
}
