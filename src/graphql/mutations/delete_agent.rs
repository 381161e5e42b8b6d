//! The mutation `deleteAgent`: releases an agent's numbers and deletes it.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Accepted, Outcome, Stop, agent_now, carried_out, now_or};
use crate::domain::AgentId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, Operation, UserError};
use crate::provisioning::kinds::Leaving;

/// Input of `deleteAgent`.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteAgentInput {
    /// Id of the agent.
    id: ID,
    /// Whether its numbers go to the tenant's pool instead of being released. Releases that were requested before go on.
    #[graphql(default = false)]
    keep_phone_numbers: bool,
    /// Whether emergency addresses that are registered for its bought numbers are removed first, which takes minutes. Without it the
    /// deletion of an agent with such a number fails and changes nothing. From a ported number, which stays in the carrier account,
    /// the address is removed last; without it the carrier goes on charging for it. Imported and hosted numbers keep theirs.
    #[graphql(default = false)]
    clear_emergency_addresses: bool,
}

/// Payload of `deleteAgent`: what was accepted, or why nothing was.
pub(crate) struct DeleteAgentPayload(Outcome<Accepted<Agent>>);

/// Result of `deleteAgent`.
#[Object]
impl DeleteAgentPayload {
    /// The agent; INACTIVE while it is being deleted, then DELETED.
    async fn agent(&self) -> Option<&Agent> {
        self.0.subject()
    }

    /// The operation that does the work. If it is RUNNING, follow it with `operationUpdated`.
    async fn operation(&self) -> Option<&Operation> {
        self.0.operation()
    }

    /// Errors that the client can correct. If `operation` is `null`, nothing was changed.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.errors()
    }
}

/// Holds the root field `deleteAgent`; [`super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(super) struct DeleteAgent;

#[Object]
impl DeleteAgent {
    /// Deletes an agent: stops its calls, releases its numbers to the carrier or keeps them in the tenant's pool, and deletes it
    /// at the voice provider. Its calls remain on record. A released number may not be available again.
    #[graphql(complexity = "child_complexity + 50")]
    async fn delete_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent.")] input: DeleteAgentInput,
    ) -> Option<Result<DeleteAgentPayload, ApiError>> {
        let delete = async || delete(ctx.session()?, &input).await;
        Some(Outcome::of(delete().await).map(DeleteAgentPayload))
    }
}

async fn delete(session: &Session, input: &DeleteAgentInput) -> Result<Accepted<Agent>, Stop> {
    session.owner()?;
    let id: AgentId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let leaving = Leaving {
        keep_numbers: input.keep_phone_numbers,
        clear_emergency_addresses: input.clear_emergency_addresses,
    };
    let (operation, agent) = provisioning.delete_agent(&store, id, leaving).await?;
    // Committed with the agent INACTIVE: it takes no further call, whenever its numbers are released.
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let subject = now_or(agent_now(session, id).await, Some(agent));
    Ok(Accepted { subject, operation: Operation(operation) })
}
