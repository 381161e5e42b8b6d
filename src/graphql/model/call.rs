//! Type `Call`.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::paging::{List, Listed, nothing, wrap};
use super::scalars::{DateTime, Decimal};
use super::{Agent, CallDecision, PhoneNumber, read_id};
use crate::domain::{self, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::{CallCountOf, CallsOf, TranscriptOf};
use crate::store::{self, PageOf, PageRequest};

/// A call to one of the tenant's numbers.
#[derive(Debug, Clone)]
pub(crate) struct Call(pub(crate) domain::Call);

/// Direction of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallDirection")]
pub(crate) enum CallDirection {
    /// A call to one of the tenant's numbers.
    Inbound,
    /// A call made by one of the tenant's agents.
    Outbound,
}

/// State of a call, as the carrier reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallStatus")]
pub(crate) enum CallStatus {
    /// Ringing; not answered yet.
    Ringing,
    /// Answered and in progress.
    InProgress,
    /// Answered and ended.
    Completed,
    /// Ended with a busy signal.
    Busy,
    /// Failed: it could not be connected, or its conversation never began.
    Failed,
    /// Ended without an answer.
    NoAnswer,
    /// The caller hung up before it was answered.
    Canceled,
}

/// Who or what answered a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallOutcome")]
pub(crate) enum CallOutcome {
    /// The voice agent.
    Agent,
    /// A person: the fallback number, or the number to which a routing rule forwards.
    Fallback,
    /// Nobody: all call slots of the plan were in use, and there was no fallback number to ring.
    Busy,
    /// A spoken message: that of a routing rule, or the apology if neither the agent nor a person could take
    /// the call.
    Unavailable,
    /// Nobody: a routing rule rejected the call.
    Rejected,
}

/// Speaker in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Speaker {
    /// The voice agent.
    Agent,
    /// The caller.
    Caller,
}

/// One utterance of a conversation.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TranscriptLine {
    /// Who said it.
    speaker: Speaker,
    /// What was said.
    text: String,
    /// Seconds from the start of the conversation.
    at_seconds: i32,
}

impl From<&domain::TranscriptLine> for TranscriptLine {
    fn from(line: &domain::TranscriptLine) -> Self {
        let speaker = if line.by_agent { Speaker::Agent } else { Speaker::Caller };
        Self { speaker, text: line.text.clone(), at_seconds: line.at_seconds }
    }
}

/// Approximate bytes of a transcript in a response.
pub(crate) fn size_of_transcript(lines: &[domain::TranscriptLine]) -> usize {
    lines.iter().map(|line| line.text.len() + 60).sum()
}

/// A call to one of the tenant's numbers.
#[Object]
impl Call {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The carrier's id of the call: `CA` and 32 hexadecimal digits.
    async fn sid(&self) -> &str {
        &self.0.sid
    }

    /// Direction of the call.
    async fn direction(&self) -> CallDirection {
        self.0.direction.into()
    }

    /// The caller: an E.164 number, or what the carrier sends instead, such as `anonymous` or a SIP address.
    async fn from(&self) -> &str {
        &self.0.from
    }

    /// The carrier's statement on whether the caller's number is genuine, such as `TN-Validation-Passed-A`;
    /// `null` if it sends none.
    async fn caller_attestation(&self) -> Option<&str> {
        self.0.attestation.as_deref()
    }

    /// The called number.
    async fn to(&self) -> &E164 {
        &self.0.to
    }

    /// State of the call.
    async fn status(&self) -> CallStatus {
        self.0.status.into()
    }

    /// Who or what answered the call.
    async fn outcome(&self) -> CallOutcome {
        self.0.outcome.into()
    }

    /// The routing decision and its reason.
    async fn decision(&self) -> CallDecision {
        CallDecision { outcome: self.0.outcome, decision: self.0.decision.clone(), number: self.0.number_id }
    }

    /// The agent of the called number.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id).await
    }

    /// The called number as the tenant held it then.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        PhoneNumber::load(ctx, self.0.number_id).await
    }

    /// Id of the conversation at ElevenLabs; `null` unless the agent took the call.
    async fn conversation_id(&self) -> Option<&str> {
        self.0.conversation_id.as_deref()
    }

    /// Transcript of the conversation; `null` until it is known, and unless the server stores transcripts
    /// (`STORE_TRANSCRIPTS`).
    #[graphql(complexity = "10 * child_complexity + 5")]
    async fn transcript(&self, ctx: &Context<'_>) -> Result<Option<Vec<TranscriptLine>>, ApiError> {
        let said = Box::pin(ctx.loaders()?.load_one(TranscriptOf(self.0.id))).await?;
        let Some(said) = said else { return Ok(None) };
        ctx.session()?.spend(size_of_transcript(&said))?;
        Ok(Some(said.iter().map(Into::into).collect()))
    }

    /// Duration in seconds, as the carrier reports it, otherwise the voice provider; `null` until the call has
    /// ended.
    async fn duration_seconds(&self) -> Option<i32> {
        self.0.lasted_seconds()
    }

    /// Estimated price of the call at the carrier in US dollars, calculated as for `usage`; `null` until the
    /// call has ended.
    #[graphql(complexity = "2")]
    async fn estimated_cost(&self, ctx: &Context<'_>) -> Result<Option<Decimal>, ApiError> {
        if self.0.billed_minutes().is_none() {
            return Ok(None);
        }
        let number = Box::pin(ctx.loaders()?.load_one(self.0.number_id)).await?;
        let Some(number) = number else { return Ok(None) };
        let rates = ctx.session()?.services().provisioning.rates(&number);
        Ok(rates.of_call(&self.0).map(Decimal))
    }

    /// When the call arrived.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When the call ended; `null` until then.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }
}

/// Filter for calls. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct CallFilter {
    /// Only calls to this agent.
    agent_id: Option<ID>,
    /// Only calls to this number.
    phone_number_id: Option<ID>,
    /// Only calls in this state.
    status: Option<CallStatus>,
    /// Only calls that arrived at or after this time.
    started_after: Option<DateTime>,
    /// Only calls that arrived before this time.
    started_before: Option<DateTime>,
}

impl TryFrom<CallFilter> for store::CallFilter {
    type Error = ApiError;

    fn try_from(filter: CallFilter) -> Result<Self, ApiError> {
        Ok(Self {
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            number: filter.phone_number_id.map(|id| read_id("filter.phoneNumberId", &id)).transpose()?,
            status: filter.status.map(Into::into),
            started_after: filter.started_after.map(|instant| instant.0),
            started_before: filter.started_before.map(|instant| instant.0),
        })
    }
}

/// The agent, if the filter selects exactly all of its calls.
fn all_of(filter: &store::CallFilter) -> Option<domain::AgentId> {
    match filter {
        store::CallFilter {
            agent: Some(agent),
            number: None,
            status: None,
            started_after: None,
            started_before: None,
        } => Some(*agent),
        _ => None,
    }
}

impl Listed for Call {
    type Filter = store::CallFilter;
    const LIST: List = List::Calls;
    const CONNECTION: &'static str = "CallConnection";
    const EDGE: &'static str = "CallEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        // Without a cursor, one statement serves all agents of a page; a cursor is a position in one agent's
        // list.
        if let (Some(agent), true) = (all_of(filter), page.is_outermost()) {
            let found = ctx.loaders()?.load_one(CallsOf(agent, page.page)).await?;
            return Ok(found.map_or_else(nothing, |found| wrap(found, Self)));
        }
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::CallFilter { agent, ..filter.clone() };
        Ok(wrap(session.reader().await?.calls(&filter, page).await?, Self))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        if let Some(agent) = all_of(filter) {
            return Ok(ctx.loaders()?.load_one(CallCountOf(agent)).await?.unwrap_or_default());
        }
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        let filter = store::CallFilter { agent, ..filter.clone() };
        Ok(session.reader().await?.count_calls(&filter).await?)
    }
}
