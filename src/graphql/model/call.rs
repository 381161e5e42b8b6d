//! A call.

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

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallDirection")]
pub(crate) enum CallDirection {
    /// Somebody called one of your numbers.
    Inbound,
    /// One of your agents called somebody.
    Outbound,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallStatus")]
pub(crate) enum CallStatus {
    /// Rings.
    Ringing,
    /// Somebody talks.
    InProgress,
    /// Ended after being answered.
    Completed,
    /// Refused as busy.
    Busy,
    /// Could not be carried.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// The caller gave up.
    Canceled,
}

/// Who or what answered a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::CallOutcome")]
pub(crate) enum CallOutcome {
    /// The voice agent.
    Agent,
    /// A person's number: the fallback number, or the one that a rule forwards to.
    Fallback,
    /// Nobody: all the calls the plan allows at the same time were under way.
    Busy,
    /// A spoken sentence: a rule's message, or because neither agent nor a person's number could take it.
    Unavailable,
    /// Nobody: it was refused.
    Rejected,
}

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum Speaker {
    /// The voice agent.
    Agent,
    /// The caller.
    Caller,
}

/// Something that was said in a conversation.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct TranscriptLine {
    /// Who said it.
    speaker: Speaker,
    /// The words.
    text: String,
    /// When, in seconds from the conversation's beginning.
    at_seconds: i32,
}

impl From<&domain::TranscriptLine> for TranscriptLine {
    fn from(line: &domain::TranscriptLine) -> Self {
        let speaker = if line.by_agent { Speaker::Agent } else { Speaker::Caller };
        Self { speaker, text: line.text.clone(), at_seconds: line.at_seconds }
    }
}

/// Bytes that a transcript takes in an answer, more or less.
pub(crate) fn size_of_transcript(lines: &[domain::TranscriptLine]) -> usize {
    lines.iter().map(|line| line.text.len() + 60).sum()
}

/// A call to one of your numbers: who called, who answered, how it ended.
#[Object]
impl Call {
    /// Its global id. Opaque: do not parse it.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The carrier's id, `CA…`.
    async fn sid(&self) -> &str {
        &self.0.sid
    }

    /// Who called whom.
    async fn direction(&self) -> CallDirection {
        self.0.direction.into()
    }

    /// The caller: an E.164 number, or what the carrier sends for a hidden one, such as `anonymous`.
    async fn from(&self) -> &str {
        &self.0.from
    }

    /// The carrier's word on whether that number is really the caller's, such as `TN-Validation-Passed-A` for a caller
    /// whose own carrier vouches for it in full; null where none is sent.
    async fn caller_attestation(&self) -> Option<&str> {
        self.0.attestation.as_deref()
    }

    /// The number called.
    async fn to(&self) -> &E164 {
        &self.0.to
    }

    /// Where the call is.
    async fn status(&self) -> CallStatus {
        self.0.status.into()
    }

    /// Who or what answered it.
    async fn outcome(&self) -> CallOutcome {
        self.0.outcome.into()
    }

    /// What was decided for it, by which of the number's rules, and why.
    async fn decision(&self) -> CallDecision {
        CallDecision { outcome: self.0.outcome, decision: self.0.decision.clone(), number: self.0.number_id }
    }

    /// The agent whose number was called.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.0.agent_id).await
    }

    /// The number called, as it was leased then.
    #[graphql(complexity = "child_complexity + 1")]
    async fn phone_number(&self, ctx: &Context<'_>) -> Option<Result<PhoneNumber, ApiError>> {
        PhoneNumber::load(ctx, self.0.number_id).await
    }

    /// The conversation's id at ElevenLabs, when the agent took the call.
    async fn conversation_id(&self) -> Option<&str> {
        self.0.conversation_id.as_deref()
    }

    /// What was said in the conversation; null unless this server keeps it, and until it is known.
    #[graphql(complexity = "10 * child_complexity + 5")]
    async fn transcript(&self, ctx: &Context<'_>) -> Result<Option<Vec<TranscriptLine>>, ApiError> {
        let said = Box::pin(ctx.loaders()?.load_one(TranscriptOf(self.0.id))).await?;
        let Some(said) = said else { return Ok(None) };
        ctx.session()?.spend(size_of_transcript(&said))?;
        Ok(Some(said.iter().map(Into::into).collect()))
    }

    /// How long it lasted, as the carrier counts, or the voice provider where the carrier did not say; null until it
    /// is over.
    async fn duration_seconds(&self) -> Option<i32> {
        self.0.lasted_seconds()
    }

    /// What the carrier charges for it in US dollars, counted as `usage` does; null until it is over.
    #[graphql(complexity = "2")]
    async fn estimated_cost(&self, ctx: &Context<'_>) -> Result<Option<Decimal>, ApiError> {
        let Some(minutes) = self.0.billed_minutes() else { return Ok(None) };
        let number = Box::pin(ctx.loaders()?.load_one(self.0.number_id)).await?;
        let Some(number) = number else { return Ok(None) };
        let price = ctx.session()?.services().provisioning.minute_price(&number);
        Ok(Some(Decimal(price * rust_decimal::Decimal::from(minutes))))
    }

    /// When it came in.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// When it ended; null until then.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at.map(DateTime)
    }
}

/// Which calls to list. Every condition given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct CallFilter {
    /// Only calls to this agent.
    agent_id: Option<ID>,
    /// Only calls to this number.
    phone_number_id: Option<ID>,
    /// Only calls in this state.
    status: Option<CallStatus>,
    /// Only calls that came in at or after this instant.
    started_after: Option<DateTime>,
    /// Only calls that came in before this instant.
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

/// The agent all of whose calls, and nobody else's, this filter leaves.
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
