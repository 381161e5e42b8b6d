//! `rotateAgentToken`.

use async_graphql::{Context, ID, InputObject, Object};

use super::input;
use super::outcome::{Outcome, Stop};
use crate::domain::{AgentId, AgentToken, Refusal};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::graphql::model::{Agent, UserError};

/// Which agent gets another token.
#[derive(Debug, InputObject)]
pub(crate) struct RotateAgentTokenInput {
    /// The agent's id.
    id: ID,
}

/// What came of an accepted request.
struct Accepted {
    agent: Agent,
    token: AgentToken,
}

/// What came of `rotateAgentToken`.
pub(crate) struct RotateAgentTokenPayload(Outcome<Accepted>);

/// What came of `rotateAgentToken`.
#[Object]
impl RotateAgentTokenPayload {
    /// The agent, with its new token's preview.
    async fn agent(&self) -> Option<&Agent> {
        self.0.accepted().map(|accepted| &accepted.agent)
    }

    /// The new token. Shown this once: store it now. The old one is worthless from here on.
    async fn api_token(&self) -> Option<&str> {
        self.0.accepted().map(|accepted| accepted.token.expose())
    }

    /// What you can put right; the old token holds then.
    async fn user_errors(&self) -> Vec<UserError> {
        self.0.user_errors(|_| None)
    }
}

/// The mutation.
#[derive(Debug, Default)]
pub(super) struct RotateAgentToken;

#[Object]
impl RotateAgentToken {
    /// Gives an agent another token, for when the old one was lost or seen by others.
    #[graphql(complexity = "child_complexity + 10")]
    async fn rotate_agent_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which agent.")] input: RotateAgentTokenInput,
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
    let agent = store.set_agent_token(id, &token).await?.ok_or_else(|| Refusal::not_found("agent", "id"))?;
    store.audit("rotateAgentToken", id).await?;
    store.commit().await?;
    Ok(Accepted { agent: agent.into(), token })
}
