//! `deleteAgent`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop, agent_now, carried_out, now_or};
use crate::domain::AgentId;
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, Operation, UserError};

/// Which agent to delete.
#[derive(Debug, InputObject)]
pub(crate) struct DeleteAgentInput {
    /// The agent's id.
    id: ID,
}

/// What came of an accepted request.
struct Accepted {
    agent: Option<Agent>,
    operation: Operation,
}

/// What came of `deleteAgent`.
pub(crate) struct DeleteAgentPayload(Outcome<Accepted>);

/// What came of `deleteAgent`.
#[Object]
impl DeleteAgentPayload {
    /// The agent: INACTIVE while its deletion goes on, DELETED after.
    async fn agent(&self) -> Option<&Agent> {
        self.0.accepted().and_then(|accepted| accepted.agent.as_ref())
    }

    /// The work itself: watch it when it is still RUNNING.
    async fn operation(&self) -> Option<&Operation> {
        self.0.accepted().map(|accepted| &accepted.operation)
    }

    /// What you can put right. Without an operation beside it, nothing happened.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|accepted| accepted.operation.0.error.as_ref())
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct DeleteAgent;

#[Object]
impl DeleteAgent {
    /// Takes an agent out of service, gives its numbers back to the carrier and deletes it at the voice provider.
    /// Its calls stay in the records. A number given back cannot be had again for sure.
    #[graphql(complexity = "child_complexity + 50")]
    async fn delete_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which agent.")] input: DeleteAgentInput,
    ) -> Option<Result<DeleteAgentPayload, ApiError>> {
        let delete = async || delete(ctx.session()?, &input).await;
        Some(Outcome::of(delete().await).map(DeleteAgentPayload))
    }
}

async fn delete(session: &Session, input: &DeleteAgentInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let id: AgentId = input::id("id", &input.id)?;
    session.count_operation()?;
    let provisioning = session.provisioning();
    let store = session.writer().await?;
    let (operation, agent) = provisioning.delete_agent(&store, id).await?;
    store.commit().await?;
    let operation = carried_out(session, operation).await;
    let agent = now_or(agent_now(session, id).await, Some(agent));
    Ok(Accepted { agent, operation: Operation(operation) })
}
