//! Types `Viewer`: the tenant of the token, with its plan and usage, and `Session`: the caller.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{Datelike, Months, NaiveDate};

use super::Usage;
use super::number::PhoneNumberType;
use super::scalars::{Decimal, Uuid};
use crate::auth::Principal;
use crate::domain::{self, Cost, Countries, CountryCode, Tenant};
use crate::graphql::context::{self, ContextExt};
use crate::graphql::errors::ApiError;

/// The tenant of the token.
#[derive(Debug, Clone)]
pub(crate) struct Viewer(pub(crate) Tenant);

impl Viewer {
    /// Reads the tenant.
    ///
    /// # Errors
    /// `FORBIDDEN` for an agent's token; errors of the read.
    pub(crate) async fn read(session: &context::Session) -> Result<Self, ApiError> {
        session.owner()?;
        Ok(Self(session.reader().await?.tenant().await?))
    }
}

/// The tenant of the token, with its plan and usage.
#[Object]
impl Viewer {
    /// Global id, opaque and stable. Pass it to `node`.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The tenant's id, as in its token.
    async fn user_id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The tenant's plan.
    async fn plan(&self) -> Plan {
        Plan::of(&self.0)
    }

    /// Limits of the plan, and the dialling policy.
    async fn limits(&self, ctx: &Context<'_>) -> Result<Limits, ApiError> {
        Limits::of(&self.0, ctx)
    }

    /// Number of call slots in use. A call takes one when it arrives, unless a routing rule keeps it from the
    /// agent, and holds it until it ends, whoever answers.
    async fn active_calls(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(ctx.session()?.reader_of(self.0.id).await?.active_calls().await?))
    }

    /// Prices of the kinds of numbers that the tenant holds, as `usage` applies them. Numbers of one kind have several
    /// prices if the price at their purchase applies, because the price list is unavailable.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn prices(&self, ctx: &Context<'_>) -> Result<Vec<NumberPrice>, ApiError> {
        let session = ctx.session()?;
        let kinds = session.reader_of(self.0.id).await?.kinds_of_numbers().await?;
        let mut prices: Vec<NumberPrice> = Vec::new();
        for (country, kind, stored) in kinds {
            let rates = session.provisioning().rates_of(country, kind, stored);
            let price = NumberPrice {
                country_code: country,
                kind: kind.into(),
                month: Decimal(rates.month),
                minute: Decimal(rates.minute),
                currency: Cost::default().currency().to_owned(),
            };
            if !prices.contains(&price) {
                prices.push(price);
            }
        }
        Ok(prices)
    }

    /// Usage in one month.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month in UTC: `YYYY-MM`. Default: the current month.")] month: Option<String>,
    ) -> Result<Usage, ApiError> {
        let session = ctx.session()?;
        let now = session.services().clock.now();
        let first = match month {
            Some(month) => first_day(&month)?,
            None => now.date_naive().with_day(1).unwrap_or_default(),
        };
        let next = first.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
        Usage::read(session, self.0.id, first..next, now).await
    }
}

fn first_day(month: &str) -> Result<NaiveDate, ApiError> {
    // `%Y` alone also accepts a sign and other lengths.
    let well_formed = month.len() == 7
        && month
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 { byte == b'-' } else { byte.is_ascii_digit() });
    NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d")
        .ok()
        .filter(|_| well_formed)
        .ok_or_else(|| ApiError::bad_input("month: the format is YYYY-MM, such as 2026-03"))
}

/// Saturates a count at the 32 bits of GraphQL's `Int`.
pub(super) fn int(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A plan, set by an operator with `setTenantPlan`.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Plan {
    /// Name of the plan.
    name: String,
}

impl Plan {
    /// The plan of this tenant.
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self { name: tenant.plan.clone() }
    }
}

/// Limits of a tenant.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Limits {
    /// Maximum concurrent calls. A further caller reaches the fallback number, or hears that all lines are
    /// busy.
    concurrent_calls: i32,
    /// Maximum numbers held at the same time, including those being bought or released.
    phone_numbers: i32,
    /// Maximum text messages sent within 24 hours.
    messages_per_day: i32,
    /// Countries of the numbers that may be dialled, as a fallback number or by a routing rule; `null`: all
    /// countries.
    dial_countries: Option<Vec<CountryCode>>,
    /// Whether numbers that can cost more than an ordinary call may be dialled: premium-rate, shared-cost,
    /// personal and satellite numbers, pagers, and numbers outside all numbering plans.
    dial_premium_numbers: bool,
}

impl Limits {
    /// The limits of this tenant.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a session.
    pub(crate) fn of(tenant: &Tenant, ctx: &Context<'_>) -> Result<Self, ApiError> {
        let dialing = ctx.session()?.provisioning().dialing().for_tenant(&tenant.dialing);
        Ok(Self {
            concurrent_calls: tenant.limits.concurrent_calls.into(),
            phone_numbers: tenant.limits.phone_numbers.into(),
            messages_per_day: i32::try_from(tenant.limits.messages_per_day).unwrap_or(i32::MAX),
            dial_countries: dialing.countries.map(|Countries(countries)| countries.into_iter().collect()),
            dial_premium_numbers: dialing.premium,
        })
    }
}

/// Price of a kind of number at the carrier.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub(crate) struct NumberPrice {
    /// Country of the numbers.
    country_code: CountryCode,
    /// Kind of number.
    #[graphql(name = "type")]
    kind: PhoneNumberType,
    /// Price per month; a started month is charged in full.
    month: Decimal,
    /// Price per minute of an answered call; a started minute is charged in full.
    minute: Decimal,
    /// ISO 4217 currency code: `USD`.
    currency: String,
}

/// Role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum SessionRole {
    /// A tenant: reads and changes what it owns.
    Tenant,
    /// An operator: reads what concerns all tenants, and acts for the tenant that the header `X-Tenant-Id` names.
    Operator,
    /// The tools of a voice agent: read what concerns their agent.
    Agent,
}

/// The caller of a request.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Session {
    /// Role of the caller.
    role: SessionRole,
    /// The tenant whose data the request reads: its user id. `null` for an operator who names none.
    tenant_id: Option<Uuid>,
    /// The only agent that the request can read; `null` unless the role is `AGENT`.
    agent_id: Option<ID>,
    /// Whether the carrier is an emulated one, as in `switchboard dev`: numbers and calls are not real and cost
    /// nothing.
    sandbox: bool,
}

impl Session {
    /// Describes the caller.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a caller.
    pub(crate) fn read(session: &context::Session) -> Result<Self, ApiError> {
        let (role, tenant, agent) = match session.principal()? {
            Principal::Tenant(tenant) => (SessionRole::Tenant, Some(tenant), None),
            Principal::Operator { acting_for, .. } => (SessionRole::Operator, acting_for, None),
            Principal::Agent { tenant, agent } => (SessionRole::Agent, Some(tenant), Some(agent)),
        };
        Ok(Self {
            role,
            tenant_id: tenant.map(|tenant| Uuid(tenant.0)),
            agent_id: agent.map(|agent: domain::AgentId| agent.to_string().into()),
            sandbox: session.services().is_sandbox,
        })
    }
}

/// Estimated price at the carrier, by its current price list for the account; while that is unavailable, by the
/// configured prices or the public list. Excludes calls dialled to other numbers, conversations at the voice
/// provider, and taxes.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct EstimatedCost {
    /// ISO 4217 currency code: `USD`.
    currency: String,
    /// Price of the numbers. A number is billed for a month on the day it is bought and on that day of every
    /// month until its release.
    phone_numbers: Decimal,
    /// Price of the minutes of answered calls.
    calls: Decimal,
    /// Price of text messages in both directions: what the carrier charged, and while it has not told a message's price,
    /// the configured or public price per segment. Excludes the networks' fees.
    messages: Decimal,
    /// Sum of all three.
    total: Decimal,
}

impl From<Cost> for EstimatedCost {
    fn from(cost: Cost) -> Self {
        Self {
            currency: cost.currency().to_owned(),
            phone_numbers: Decimal(cost.phone_numbers),
            calls: Decimal(cost.calls),
            messages: Decimal(cost.messages),
            total: Decimal(cost.total()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_four_digits_a_dash_and_two() {
        assert_eq!(first_day("2026-12").unwrap(), NaiveDate::from_ymd_opt(2026, 12, 1).unwrap());
        for bad in
            ["2026-13", "2026-00", "2026-1", "26-01", "2026/01", "2026-01-01", "", "+026-01", "２０26-1"]
        {
            assert!(first_day(bad).is_err(), "{bad}");
        }
    }
}
