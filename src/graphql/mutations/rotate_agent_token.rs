//! The mutation `rotateAgentToken`: replaces the token of an agent.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop};
use crate::domain::{AgentId, AgentToken, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, UserError};

/// Input of `rotateAgentToken`.
#[derive(Debug, InputObject)]
pub(crate) struct RotateAgentTokenInput {
    /// Id of the agent.
    id: ID,
}

/// Result of an accepted request.
struct Accepted {
    agent: Agent,
    token: AgentToken,
}

/// Payload of `rotateAgentToken`: what was accepted, or why nothing was.
pub(crate) struct RotateAgentTokenPayload(Outcome<Accepted>);

/// Result of `rotateAgentToken`.
#[Object]
impl RotateAgentTokenPayload {
    /// The agent, with the preview of its new token.
    async fn agent(&self) -> Option<&Agent> {
        self.0.accepted().map(|accepted| &accepted.agent)
    }

    /// The new token, returned only this once: store it. The old one is invalid from now on.
    async fn api_token(&self) -> Option<&str> {
        self.0.accepted().map(|accepted| accepted.token.expose())
    }

    /// Errors that the client can correct. If there are any, the old token remains valid.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// Holds the root field `rotateAgentToken`; [`super::Mutation`] merges it with the others.
#[derive(Debug, Default)]
pub(super) struct RotateAgentToken;

#[Object]
impl RotateAgentToken {
    /// Replaces an agent's token, for example if it was lost or disclosed.
    #[graphql(complexity = "child_complexity + 10")]
    async fn rotate_agent_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent.")] input: RotateAgentTokenInput,
    ) -> Option<Result<RotateAgentTokenPayload, ApiError>> {
        let rotate = async || rotate(ctx.session()?, &input).await;
        Some(Outcome::of(rotate().await).map(RotateAgentTokenPayload))
    }
}

async fn rotate(session: &Session, input: &RotateAgentTokenInput) -> Result<Accepted, Stop> {
    session.owner()?;
    let id: AgentId = input::id("id", &input.id)?;
    let (_, entropy) = session.provisioning().ambient();
    let token = AgentToken::generate(entropy);
    let store = session.writer().await?;
    let present = store.agent(id).await?.ok_or_else(|| Refusal::not_found("agent", "id"))?;
    input::alive(&present)?;
    // The old token ends with this commit. There is no overlap, since it may have been disclosed.
    let agent = store.set_agent_token(id, &token).await?.ok_or_else(|| Refusal::not_found("agent", "id"))?;
    store.audit("rotateAgentToken", id).await?;
    store.commit().await?;
    Ok(Accepted { agent: agent.into(), token })
}
