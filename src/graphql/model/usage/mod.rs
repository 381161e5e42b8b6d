//! Type `Usage`: usage in one month, also by day and by agent.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::scalars::Decimal;
use super::viewer::{EstimatedCost, int};
use super::{Agent, Defaulted, cost};
use crate::domain::{AgentId, Cost, TenantId};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::provisioning::Provisioning;
use crate::store::{KindUsage, MessageUsage, NumberUsage};

/// Usage in one month, as far as it is known.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Usage {
    /// The month in UTC: `YYYY-MM`.
    month: String,
    /// Numbers held at any time during the month.
    phone_numbers: i32,
    /// Calls that arrived, including calls deleted since.
    calls: i32,
    /// Minutes of answered calls, each call rounded up to a whole minute, as the carrier bills.
    minutes: Decimal,
    /// Text messages that came in and were sent, including messages deleted since. Messages that failed before they were sent
    /// are not counted.
    messages: i32,
    /// Segments of these messages, which the carrier charges one by one. Those of a message count once the carrier tells them.
    message_segments: i32,
    /// Estimated price of this usage at the carrier.
    estimated_cost: EstimatedCost,
    #[graphql(skip)]
    of: UsageOf,
}

/// What the parts of a month's usage are computed from.
#[derive(Debug, Clone)]
struct UsageOf {
    tenant: TenantId,
    days: Range<NaiveDate>,
    /// The past part of the month: only that is charged.
    span: (DateTime<Utc>, DateTime<Utc>),
    numbers: Arc<Vec<NumberUsage>>,
}

/// Usage on one day.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct DailyUsage {
    /// The day in UTC: `YYYY-MM-DD`.
    date: String,
    /// Calls that arrived, including calls deleted since.
    calls: i32,
    /// Minutes of answered calls, each call rounded up to a whole minute, as the carrier bills.
    minutes: Decimal,
    /// Text messages that came in and were sent, including messages deleted since.
    messages: i32,
    /// Segments of these messages.
    message_segments: i32,
    /// Estimated price of this usage at the carrier: numbers that are charged on this day, minutes, and messages.
    estimated_cost: EstimatedCost,
}

/// Usage of one agent in one month.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct AgentUsage {
    #[graphql(skip)]
    id: AgentId,
    /// Calls that arrived for the agent, including calls deleted since.
    calls: i32,
    /// Minutes of its answered calls, each call rounded up to a whole minute, as the carrier bills.
    minutes: Decimal,
    /// Estimated price of these minutes in US dollars, as in `EstimatedCost.calls`.
    estimated_cost: Decimal,
}

#[ComplexObject]
impl AgentUsage {
    /// Id of the agent.
    async fn agent_id(&self) -> ID {
        self.id.to_string().into()
    }

    /// The agent.
    #[graphql(complexity = "child_complexity + 1")]
    async fn agent(&self, ctx: &Context<'_>) -> Option<Result<Agent, ApiError>> {
        Agent::load(ctx, self.id).await
    }
}

#[ComplexObject]
impl Usage {
    /// Usage on each day of the month up to today, oldest first. Days without usage are there, with zeros.
    #[graphql(complexity = "31 * child_complexity + 1")]
    async fn by_day(&self, ctx: &Context<'_>) -> Result<Vec<DailyUsage>, ApiError> {
        let session = ctx.session()?;
        let reader = session.reader_of(self.of.tenant).await?;
        let rows = reader.usage_by_day(&self.of.days).await?;
        let messages = reader.message_usage_by_day(&self.of.days).await?;
        drop(reader);
        Ok(self.of.by_day(&rows, &messages, session.provisioning()))
    }

    /// Usage of the agents with most calls, in this order. Agents without calls are missing.
    #[graphql(
        complexity = "cost(|arg| __ctx.param_value(__variables_definition, __field, arg, None), child_complexity)"
    )]
    async fn by_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Maximum number of agents: 1 to 100.", default_with = "Defaulted(Some(20))")]
        first: Defaulted<i32>,
    ) -> Result<Vec<AgentUsage>, ApiError> {
        let first = first.0.unwrap_or(20);
        let Some(most) = u16::try_from(first).ok().filter(|most| (1..=100).contains(most)) else {
            return Err(ApiError::bad_input(format!("first: 1 to 100 agents are allowed; got {first}")));
        };
        let session = ctx.session()?;
        let rows = session.reader_of(self.of.tenant).await?.usage_by_agent(&self.of.days, most).await?;
        Ok(by_agent(&rows, session.provisioning()))
    }
}

impl Usage {
    /// Reads a tenant's usage on these days.
    ///
    /// # Errors
    /// Errors of the read.
    pub(crate) async fn read(
        session: &Session,
        tenant: TenantId,
        days: Range<NaiveDate>,
        now: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        let span = (midnight(days.start), midnight(days.end).min(now));
        let reader = session.reader_of(tenant).await?;
        let (used, texts) = (reader.usage(days.clone()).await?, reader.message_usage(&days).await?);
        drop(reader);
        let provisioning = session.provisioning();
        let cost_of =
            |used: &NumberUsage| provisioning.rates(&used.number).of_use(&used.number, span, used.minutes);
        let texted = Cost { messages: provisioning.price_of_messages(&texts), ..Cost::default() };
        let cost: Cost = used.iter().map(cost_of).chain([texted]).sum();
        Ok(Self {
            month: days.start.format("%Y-%m").to_string(),
            phone_numbers: int(i64::try_from(used.len()).unwrap_or(i64::MAX)),
            calls: int(used.iter().map(|used| used.calls).sum()),
            minutes: Decimal(used.iter().map(|used| rust_decimal::Decimal::from(used.minutes)).sum()),
            messages: int(texts.messages),
            message_segments: int(texts.segments),
            estimated_cost: cost.into(),
            of: UsageOf { tenant, days, span, numbers: Arc::new(used) },
        })
    }
}

#[derive(Debug, Default)]
struct Part {
    calls: i64,
    minutes: i64,
    messages: i64,
    segments: i64,
    cost: Cost,
}

impl Part {
    fn add(&mut self, used: &KindUsage, provisioning: &Provisioning) {
        self.calls += used.calls;
        self.minutes += used.minutes;
        let minute = provisioning.minute_price(used.country, used.kind);
        self.cost.calls += minute * rust_decimal::Decimal::from(used.minutes);
    }
}

impl UsageOf {
    fn by_day(
        &self,
        rows: &[(NaiveDate, KindUsage)],
        messages: &[(NaiveDate, MessageUsage)],
        provisioning: &Provisioning,
    ) -> Vec<DailyUsage> {
        let (from, until) = self.span;
        let past =
            self.days.start.iter_days().take_while(|day| *day < self.days.end && midnight(*day) < until);
        let mut parts: BTreeMap<NaiveDate, Part> = past.map(|day| (day, Part::default())).collect();
        for (day, used) in rows {
            // Servers' clocks differ: a call may have arrived on what is still tomorrow here.
            parts.entry(*day).or_default().add(used, provisioning);
        }
        for (day, texts) in messages {
            let part = parts.entry(*day).or_default();
            part.messages += texts.messages;
            part.segments += texts.segments;
            part.cost.messages += provisioning.price_of_messages(texts);
        }
        for used in self.numbers.iter() {
            let month = provisioning.rates(&used.number).month;
            for charged in used.number.charged_at(from, until) {
                parts.entry(charged.date_naive()).or_default().cost.phone_numbers += month;
            }
        }
        let shown = |(day, part): (NaiveDate, Part)| DailyUsage {
            date: day.format("%Y-%m-%d").to_string(),
            calls: int(part.calls),
            minutes: Decimal(part.minutes.into()),
            messages: int(part.messages),
            message_segments: int(part.segments),
            estimated_cost: part.cost.into(),
        };
        parts.into_iter().map(shown).collect()
    }
}

fn by_agent(rows: &[(AgentId, KindUsage)], provisioning: &Provisioning) -> Vec<AgentUsage> {
    let mut parts: HashMap<AgentId, Part> = HashMap::new();
    for (agent, used) in rows {
        parts.entry(*agent).or_default().add(used, provisioning);
    }
    let mut parts: Vec<(AgentId, Part)> = parts.into_iter().filter(|(_, part)| part.calls > 0).collect();
    parts.sort_by_key(|(agent, part)| (std::cmp::Reverse(part.calls), *agent));
    let shown = |(id, part): (AgentId, Part)| AgentUsage {
        id,
        calls: int(part.calls),
        minutes: Decimal(part.minutes.into()),
        estimated_cost: Decimal(part.cost.calls),
    };
    parts.into_iter().map(shown).collect()
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
