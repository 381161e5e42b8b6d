//! A telephone number.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::paging::{List, Listed, nothing, wrap};
use super::routing::{RoutingRule, size_of_rules};
use super::scalars::{DateTime, Decimal};
use super::{Agent, read_id};
use crate::domain::{self, CountryCode, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::{NumberCountOf, NumbersOf, RulesOf};
use crate::store::{self, PageOf, PageRequest};

/// A telephone number leased for an agent.
#[derive(Debug, Clone)]
pub(crate) struct PhoneNumber(pub(crate) domain::PhoneNumber, Option<Agent>);

impl From<domain::PhoneNumber> for PhoneNumber {
    fn from(number: domain::PhoneNumber) -> Self {
        Self(number, None)
    }
}

/// Who leases the number to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::Provider")]
pub(crate) enum PhoneNumberProvider {
    /// Twilio.
    Twilio,
    /// ElevenLabs.
    #[graphql(name = "ELEVENLABS")]
    ElevenLabs,
}

/// Kinds of numbers, as the carrier sells them. Not every country has every kind: the US have no mobile numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::NumberType")]
pub(crate) enum PhoneNumberType {
    /// Belongs to a place.
    Local,
    /// Free for the caller.
    TollFree,
    /// A mobile number.
    Mobile,
}

/// Where a number is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::NumberStatus")]
pub(crate) enum PhoneNumberStatus {
    /// Chosen and being bought.
    Pending,
    /// Yours, and answering.
    Active,
    /// Yours by our records, but not answering: repair it, or release it.
    Inactive,
    /// Being given back.
    Releasing,
    /// Given back, or never bought; kept as history.
    Released,
}

/// What a number can carry.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct PhoneNumberCapabilities {
    /// Calls.
    voice: bool,
    /// Text messages.
    sms: bool,
    /// Picture messages.
    mms: bool,
}

impl From<domain::Capabilities> for PhoneNumberCapabilities {
    fn from(can: domain::Capabilities) -> Self {
        Self { voice: can.voice, sms: can.sms, mms: can.mms }
    }
}

/// A telephone number leased for an agent: whoever calls it speaks with that agent.
#[Object]
impl PhoneNumber {
    /// Its global id. Opaque: do not parse it.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The number.
    async fn number(&self) -> &E164 {
        &self.0.number
    }

    /// The number as people read it: `(212) 555-0123`.
    async fn friendly_name(&self) -> &str {
        &self.0.friendly_name
    }

    /// The carrier's id, `PN…`; null until it is bought.
    async fn sid(&self) -> Option<&str> {
        self.0.sid.as_deref()
    }

    /// Who leases it to us.
    async fn provider(&self) -> PhoneNumberProvider {
        self.0.provider.into()
    }

    /// What kind of number it is.
    #[graphql(name = "type")]
    async fn kind(&self) -> PhoneNumberType {
        self.0.kind.into()
    }

    /// Where it is in its life.
    async fn status(&self) -> PhoneNumberStatus {
        self.0.status.into()
    }

    /// What it can carry.
    async fn capabilities(&self) -> PhoneNumberCapabilities {
        self.0.capabilities.into()
    }

    /// Its country.
    async fn country_code(&self) -> CountryCode {
        self.0.country
    }

    /// Its place, where it has one.
    async fn locality(&self) -> Option<&str> {
        self.0.locality.as_deref()
    }

    /// Its state or region, where it has one.
    async fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// What it costs a month, in US dollars, at the carrier's list price.
    async fn monthly_cost(&self) -> Decimal {
        Decimal(self.0.monthly_cost)
    }

    /// Who answers it.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        match &self.1 {
            Some(agent) => Some(Ok(agent.clone())),
            None => Agent::load(ctx, self.0.agent_id).await,
        }
    }

    /// What is done with calls to it, by their time and their caller: the first rule that applies decides, and where none
    /// does the agent answers. Set with `setRoutingRules`.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn routing_rules(&self, ctx: &Context<'_>) -> Result<Vec<RoutingRule>, ApiError> {
        let found = Box::pin(ctx.loaders()?.load_one(RulesOf(self.0.id))).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        ctx.session()?.spend(size_of_rules(&found.1))?;
        Ok(found.1.as_slice().iter().map(Into::into).collect())
    }

    /// Counts changes of the rules: pass it as `expectedVersion`, so that nobody's change is lost.
    async fn routing_version(&self) -> i32 {
        self.0.routing_version
    }

    /// When it was bought; null until then.
    async fn provisioned_at(&self) -> Option<DateTime> {
        self.0.provisioned_at.map(DateTime)
    }

    /// When it was given back; null until then.
    async fn released_at(&self) -> Option<DateTime> {
        self.0.released_at.map(DateTime)
    }
}

impl PhoneNumber {
    /// Whether it is held, or about to be: a claim that was given up is nothing to show.
    pub(crate) fn is_held(&self) -> bool {
        self.0.status != domain::NumberStatus::Released
    }

    /// The number under this id, as far as the caller may see it.
    pub(crate) async fn load(ctx: &Context<'_>, id: domain::NumberId) -> Option<Result<Self, ApiError>> {
        let load = async || Ok(ctx.loaders()?.load_one(id).await?.map(Self::from));
        Box::pin(load()).await.transpose()
    }
}

/// Which numbers to list. Every condition given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct PhoneNumberFilter {
    /// Only numbers in this state. Unset: all but the released ones.
    status: Option<PhoneNumberStatus>,
    /// Only this agent's numbers.
    agent_id: Option<ID>,
    /// Only this country's numbers.
    country_code: Option<CountryCode>,
}

impl TryFrom<PhoneNumberFilter> for store::NumberFilter {
    type Error = ApiError;

    fn try_from(filter: PhoneNumberFilter) -> Result<Self, ApiError> {
        Ok(Self {
            status: filter.status.map(Into::into),
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            country: filter.country_code,
        })
    }
}

/// The agent all of whose numbers, and nobody else's, this filter leaves.
fn all_of(filter: &store::NumberFilter) -> Option<domain::AgentId> {
    match filter {
        store::NumberFilter { status: None, agent: Some(agent), country: None } => Some(*agent),
        _ => None,
    }
}

/// Whether the page's numbers are asked for their agents: then those are read with them.
fn asks_for_agents(ctx: &Context<'_>) -> bool {
    let asked = ctx.look_ahead();
    [asked.field("nodes"), asked.field("edges").field("node")].iter().any(|node| node.field("agent").exists())
}

impl Listed for PhoneNumber {
    type Filter = store::NumberFilter;
    const LIST: List = List::Numbers;
    const CONNECTION: &'static str = "PhoneNumberConnection";
    const EDGE: &'static str = "PhoneNumberEdge";

    async fn page(
        ctx: &Context<'_>,
        filter: &Self::Filter,
        page: PageRequest,
    ) -> Result<PageOf<Self>, ApiError> {
        if let (Some(agent), true) = (all_of(filter), page.is_outermost()) {
            let found = ctx.loaders()?.load_one(NumbersOf(agent, page.page)).await?;
            return Ok(found.map_or_else(nothing, |found| wrap(found, Self::from)));
        }
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::NumberFilter { agent, ..filter.clone() };
        let reader = session.reader().await?;
        if !asks_for_agents(ctx) {
            return Ok(wrap(reader.numbers(&filter, page).await?, Self::from));
        }
        let found = reader.numbers_with_agents(&filter, page).await?;
        Ok(wrap(found, |(number, agent)| Self(number, agent.map(Agent::from))))
    }

    async fn count(ctx: &Context<'_>, filter: &Self::Filter) -> Result<i64, ApiError> {
        if let Some(agent) = all_of(filter) {
            return Ok(ctx.loaders()?.load_one(NumberCountOf(agent)).await?.unwrap_or_default());
        }
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(0) };
        let filter = store::NumberFilter { agent, ..filter.clone() };
        Ok(session.reader().await?.count_numbers(&filter).await?)
    }
}
