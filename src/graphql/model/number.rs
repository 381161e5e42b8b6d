//! GraphQL type `PhoneNumber`, its filter, and its list, which reads only what is selected.

use async_graphql::{Context, Enum, ID, InputObject, Lookahead, Object, SelectionField, SimpleObject};

use super::paging::{Connection, List, Listed, PageArgs, cost, nothing, wrap};
use super::routing::{CallGroup, RoutingRule, size_of_rules};
use super::scalars::{DateTime, Decimal};
use super::{Agent, CarrierAccount, Message, NotRead, agent, read_id};
use crate::domain::{self, CountryCode, E164};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::graphql::loaders::{FirstNumberOf, NumberCountOf, NumbersOf, RegistrationOf, RulesOf};
use crate::store::{self, Extent, ListExtent, ListedAgent, ListedNumber, PageOf, PageRequest};

/// A phone number held by a tenant.
#[derive(Debug, Clone)]
pub(crate) struct PhoneNumber {
    number: ListedNumber,
    /// The agent, if it was read with the number.
    agent: Option<Agent>,
}

impl From<domain::PhoneNumber> for PhoneNumber {
    fn from(number: domain::PhoneNumber) -> Self {
        Self { number: ListedNumber::Whole(number), agent: None }
    }
}

impl From<(ListedNumber, Option<ListedAgent>)> for PhoneNumber {
    fn from((number, agent): (ListedNumber, Option<ListedAgent>)) -> Self {
        Self { number, agent: agent.map(Agent::from) }
    }
}

/// The carrier that provides a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::Provider")]
pub(crate) enum PhoneNumberProvider {
    /// Twilio.
    Twilio,
    /// ElevenLabs.
    #[graphql(name = "ELEVENLABS")]
    ElevenLabs,
}

/// Kind of a number. Not every country has every kind: the United States has no mobile numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::NumberType")]
pub(crate) enum PhoneNumberType {
    /// A geographic number.
    Local,
    /// A number that is free of charge for the caller.
    TollFree,
    /// A mobile number.
    Mobile,
}

/// Where a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::NumberOrigin")]
pub(crate) enum NumberOrigin {
    /// Bought for an agent.
    Purchased,
    /// Bought ahead by the operator.
    Stock,
    /// Held at the carrier before, and taken over.
    Imported,
    /// Ported from another carrier.
    Ported,
    /// Held at the carrier before, and taken over. It has the number's texts; another carrier has its calls.
    Hosted,
}

/// Lifecycle state of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::NumberStatus")]
pub(crate) enum PhoneNumberStatus {
    /// Being bought.
    Pending,
    /// Held by the tenant; takes calls.
    Active,
    /// Held by the tenant, but missing at the carrier. Repair it, or release it.
    Inactive,
    /// Being released. Still takes calls during the grace period, in which `cancelRelease` keeps it.
    Releasing,
    /// Released, or never bought. Kept for history.
    Released,
}

/// What a number may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::MessagingStatus")]
pub(crate) enum MessagingStatus {
    /// The number can send texts.
    Ready,
    /// The number must be registered or verified first. Texts to the United States fail, from toll-free numbers to Canada as well.
    Unregistered,
    /// Its registration is being reviewed. Texts may fail until it is approved.
    Pending,
    /// Its registration was rejected or suspended: see `messagingStatusReason`.
    Rejected,
    /// The number cannot send texts.
    Unsupported,
    /// The carrier was not asked yet, or did not tell.
    Unknown,
}

/// Capabilities of a number.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(crate) struct PhoneNumberCapabilities {
    /// Whether it takes calls.
    voice: bool,
    /// Whether it takes text messages.
    sms: bool,
    /// Whether it takes picture messages.
    mms: bool,
}

impl From<domain::Capabilities> for PhoneNumberCapabilities {
    fn from(can: domain::Capabilities) -> Self {
        Self { voice: can.voice, sms: can.sms, mms: can.mms }
    }
}

/// A phone number held by the tenant. Its agent answers calls to it, unless a routing rule decides otherwise.
#[Object]
impl PhoneNumber {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.key().to_string().into()
    }

    /// The number.
    async fn number(&self) -> &E164 {
        match &self.number {
            ListedNumber::Summary(number) => &number.number,
            ListedNumber::Whole(number) => &number.number,
        }
    }

    /// The number as the carrier writes it for people, such as `(212) 555-0123`.
    async fn friendly_name(&self) -> Result<&str, ApiError> {
        Ok(&self.whole()?.friendly_name)
    }

    /// The carrier's id of the number: `PN` and 32 hexadecimal digits; `null` until it is bought.
    async fn sid(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.sid.as_deref())
    }

    /// The carrier that provides the number.
    async fn provider(&self) -> Result<PhoneNumberProvider, ApiError> {
        Ok(self.whole()?.provider.into())
    }

    /// Kind of number.
    #[graphql(name = "type")]
    async fn kind(&self) -> Result<PhoneNumberType, ApiError> {
        Ok(self.whole()?.kind.into())
    }

    /// Lifecycle state.
    async fn status(&self) -> PhoneNumberStatus {
        self.state().into()
    }

    /// Capabilities of the number.
    async fn capabilities(&self) -> Result<PhoneNumberCapabilities, ApiError> {
        Ok(self.whole()?.capabilities.into())
    }

    /// Country of the number.
    async fn country_code(&self) -> Result<CountryCode, ApiError> {
        Ok(self.whole()?.country)
    }

    /// City or town; `null` if the carrier names none.
    async fn locality(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.locality.as_deref())
    }

    /// State or region; `null` if the carrier names none.
    async fn region(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.region.as_deref())
    }

    /// Monthly price in US dollars, by the carrier's list prices.
    async fn monthly_cost(&self) -> Result<Decimal, ApiError> {
        Ok(Decimal(self.whole()?.monthly_cost))
    }

    /// The agent that answers calls to the number; `null` while it is in the tenant's pool. See `assignPhoneNumber`.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        if let Some(agent) = &self.agent {
            return Some(Ok(agent.clone()));
        }
        let assigned = match &self.number {
            ListedNumber::Summary(number) => number.assigned_to,
            ListedNumber::Whole(number) => number.assigned_to(),
        };
        Agent::load(ctx, assigned?).await
    }

    /// Your own name for the number; `null` if it has none.
    async fn label(&self) -> Result<Option<&str>, ApiError> {
        Ok(self.whole()?.label.as_ref().map(domain::NumberLabel::as_str))
    }

    /// Whether it is the primary number of its agent, which `Agent.phoneNumber` shows.
    #[graphql(complexity = "2")]
    async fn primary(&self, ctx: &Context<'_>) -> Result<bool, ApiError> {
        let Some(agent) = self.whole()?.assigned_to() else { return Ok(false) };
        let first = Box::pin(ctx.loaders()?.load_one(FirstNumberOf(agent))).await?;
        Ok(first.is_some_and(|first| first.id == self.key()))
    }

    /// The call group whose members answer the number's calls; `null` if it is assigned to an agent or in the pool.
    #[graphql(complexity = "child_complexity + 1")]
    async fn call_group(&self, ctx: &Context<'_>) -> Option<Result<CallGroup, ApiError>> {
        match self.whole() {
            Ok(number) => CallGroup::load(ctx, number.call_group_id?).await,
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Where the number comes from.
    async fn origin(&self) -> Result<NumberOrigin, ApiError> {
        Ok(self.whole()?.origin.into())
    }

    /// The account at the carrier that holds the number; `null` with an agent's token.
    #[graphql(complexity = "child_complexity + 1")]
    async fn carrier_account(&self, ctx: &Context<'_>) -> Result<Option<CarrierAccount>, ApiError> {
        let account = self.whole()?.accounts.owner.unwrap_or(domain::CarrierAccountId::SHARED);
        Box::pin(CarrierAccount::find(ctx, account)).await
    }

    /// What the number may send, as the carrier told last. Networks of the United States take texts from local numbers only if
    /// these are registered, and those of the United States and Canada from toll-free numbers only if these are verified.
    /// `sendMessage` answers `NOT_REGISTERED` for such recipients while the status is `UNREGISTERED` or `REJECTED`.
    async fn messaging_status(&self, ctx: &Context<'_>) -> Result<MessagingStatus, ApiError> {
        Ok(self.registration(ctx).await?.status.into())
    }

    /// Why `messagingStatus` is not `READY`, and what to do; `null` if it is `READY` or `UNKNOWN`.
    async fn messaging_status_reason(&self, ctx: &Context<'_>) -> Result<Option<String>, ApiError> {
        Ok(self.registration(ctx).await?.reason)
    }

    /// Text messages from and to the number, newest first.
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
    ) -> Result<Connection<Message>, ApiError> {
        let filter = store::MessageFilter { number: Some(self.key()), ..Default::default() };
        Connection::read(ctx, &PageArgs { first, after, last, before }, filter).await
    }

    /// Routing rules in the order in which they are evaluated; the first that matches decides. If none matches,
    /// the agent answers; for a number in the pool, nobody does. Changed by `setRoutingRules`.
    // How many rules there are is not known before they are read, so ten are charged.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn routing_rules(&self, ctx: &Context<'_>) -> Result<Vec<RoutingRule>, ApiError> {
        let found = Box::pin(ctx.loaders()?.load_one(RulesOf(self.key()))).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        ctx.session()?.spend(size_of_rules(&found.1))?;
        Ok(found.1.as_slice().iter().map(Into::into).collect())
    }

    /// Version of the routing rules, incremented by every change. Pass it as `expectedVersion` to detect
    /// concurrent changes.
    async fn routing_version(&self) -> Result<i32, ApiError> {
        Ok(self.whole()?.routing_version)
    }

    /// When the number was bought; `null` until then.
    async fn provisioned_at(&self) -> Result<Option<DateTime>, ApiError> {
        Ok(self.whole()?.provisioned_at.map(DateTime))
    }

    /// When the number was released; `null` until then.
    async fn released_at(&self) -> Result<Option<DateTime>, ApiError> {
        Ok(self.whole()?.released_at.map(DateTime))
    }
}

impl PhoneNumber {
    /// Whether it is held or being bought: an abandoned claim is not shown.
    pub(crate) fn is_held(&self) -> bool {
        self.state() != domain::NumberStatus::Released
    }

    fn key(&self) -> domain::NumberId {
        match &self.number {
            ListedNumber::Summary(number) => number.id,
            ListedNumber::Whole(number) => number.id,
        }
    }

    fn state(&self) -> domain::NumberStatus {
        match &self.number {
            ListedNumber::Summary(number) => number.status,
            ListedNumber::Whole(number) => number.status,
        }
    }

    async fn registration(&self, ctx: &Context<'_>) -> Result<domain::MessagingRegistration, ApiError> {
        let number = self.whole()?;
        let known = Box::pin(ctx.loaders()?.load_one(RegistrationOf(number.id))).await?;
        Ok(known.unwrap_or_else(|| domain::MessagingRegistration::unknown(number)))
    }

    /// The complete number. A list reads it if a field outside [`SUMMARY_FIELDS`] is selected.
    fn whole(&self) -> Result<&domain::PhoneNumber, ApiError> {
        match &self.number {
            ListedNumber::Whole(number) => Ok(number),
            ListedNumber::Summary(number) => Err(NotRead::of(number.id)),
        }
    }

    /// Loads the number with this id, if the caller may see it.
    pub(crate) async fn load(ctx: &Context<'_>, id: domain::NumberId) -> Option<Result<Self, ApiError>> {
        let load = async || Ok(ctx.loaders()?.load_one(id).await?.map(Self::from));
        Box::pin(load()).await.transpose()
    }
}

/// Filter for numbers. All given conditions must match.
#[derive(Debug, Clone, Default, InputObject)]
pub(crate) struct PhoneNumberFilter {
    /// Only numbers in this state. Default: all except RELEASED.
    status: Option<PhoneNumberStatus>,
    /// Only numbers of this agent.
    agent_id: Option<ID>,
    /// `true`: only numbers that are assigned to an agent or a call group; `false`: only numbers in the pool.
    assigned: Option<bool>,
    /// Only numbers of this call group.
    call_group_id: Option<ID>,
    /// Only numbers of this country.
    country_code: Option<CountryCode>,
}

impl TryFrom<PhoneNumberFilter> for store::NumberFilter {
    type Error = ApiError;

    fn try_from(filter: PhoneNumberFilter) -> Result<Self, ApiError> {
        Ok(Self {
            status: filter.status.map(Into::into),
            agent: filter.agent_id.map(|id| read_id("filter.agentId", &id)).transpose()?,
            is_assigned: filter.assigned,
            group: filter.call_group_id.map(|id| read_id("filter.callGroupId", &id)).transpose()?,
            country: filter.country_code,
        })
    }
}

/// The agent, if the filter selects exactly all of its numbers.
fn all_of(filter: &store::NumberFilter) -> Option<domain::AgentId> {
    match filter {
        store::NumberFilter {
            status: None,
            agent: Some(agent),
            is_assigned: None,
            group: None,
            country: None,
        } => Some(*agent),
        _ => None,
    }
}

/// Fields that a summary of a number contains.
// The last two need the ids only: the rules have a loader, and the agent is read beside the number.
const SUMMARY_FIELDS: [&str; 6] = ["__typename", "id", "number", "status", "agent", "routingRules"];

/// How much of the numbers and agents of a page the client selects.
fn extent(ctx: &Context<'_>) -> ListExtent {
    let page = ctx.look_ahead();
    let nodes = [page.field("nodes"), page.field("edges").field("node")];
    let asked = beneath(nodes.iter().flat_map(Lookahead::selection_fields));
    let agents = beneath(asked.iter().copied().filter(|field| field.name() == "agent"));
    ListExtent {
        numbers: extent_of(&asked, &SUMMARY_FIELDS),
        agents: (!agents.is_empty()).then(|| extent_of(&agents, &agent::SUMMARY_FIELDS)),
    }
}

fn beneath<'a>(fields: impl Iterator<Item = SelectionField<'a>>) -> Vec<SelectionField<'a>> {
    let mut beneath = Vec::new();
    fields.for_each(|field| beneath.extend(field.selection_set()));
    beneath
}

fn extent_of(fields: &[SelectionField<'_>], summary: &[&str]) -> Extent {
    if fields.iter().all(|field| summary.contains(&field.name())) { Extent::Summary } else { Extent::Whole }
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
        // Without a cursor, one statement serves all agents of a page; a cursor is a position in one agent's
        // list.
        if let (Some(agent), true) = (all_of(filter), page.is_outermost()) {
            let found = ctx.loaders()?.load_one(NumbersOf(agent, page.page)).await?;
            return Ok(found.map_or_else(nothing, |found| wrap(found, Self::from)));
        }
        let session = ctx.session()?;
        let Some(agent) = session.scope()?.narrow(filter.agent) else { return Ok(nothing()) };
        let filter = store::NumberFilter { agent, ..filter.clone() };
        let reader = session.reader().await?;
        Ok(wrap(reader.numbers(&filter, page, extent(ctx)).await?, Self::from))
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
