//! Type `Viewer`: the tenant of the token, with its plan and usage.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};

use super::scalars::{Decimal, Uuid};
use crate::domain::{Cost, Countries, CountryCode, Tenant};
use crate::graphql::context::{ContextExt, Session};
use crate::graphql::errors::ApiError;
use crate::provisioning::Provisioning;
use crate::store::NumberUsage;

/// The tenant of the token.
#[derive(Debug, Clone)]
pub(crate) struct Viewer(pub(crate) Tenant);

impl Viewer {
    /// Reads the tenant.
    ///
    /// # Errors
    /// `FORBIDDEN` for an agent's token; errors of the read.
    pub(crate) async fn read(session: &Session) -> Result<Self, ApiError> {
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
        Plan { name: self.0.plan.clone() }
    }

    /// Limits of the plan, and the dialling policy.
    async fn limits(&self, ctx: &Context<'_>) -> Result<Limits, ApiError> {
        let dialing = ctx.session()?.provisioning().dialing().for_tenant(&self.0.dialing);
        Ok(Limits {
            concurrent_calls: self.0.limits.concurrent_calls.into(),
            phone_numbers: self.0.limits.phone_numbers.into(),
            dial_countries: dialing.countries.map(|Countries(countries)| countries.into_iter().collect()),
            dial_premium_numbers: dialing.premium,
        })
    }

    /// Number of call slots in use. A call takes one when it arrives, unless a routing rule keeps it from the
    /// agent, and holds it until it ends, whoever answers.
    async fn active_calls(&self, ctx: &Context<'_>) -> Result<i32, ApiError> {
        Ok(int(ctx.session()?.reader_of(self.0.id).await?.active_calls().await?))
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
        // Only the past part of the month is charged.
        let span = (midnight(first), midnight(next).min(now));
        let used = session.reader_of(self.0.id).await?.usage(first..next).await?;
        Ok(Usage::new(span, &used, &session.services().provisioning))
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

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// Saturates a count at the 32 bits of GraphQL's `Int`.
fn int(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A plan, set by an operator with `setTenantPlan`.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Plan {
    /// Name of the plan.
    name: String,
}

/// Limits of a tenant.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Limits {
    /// Maximum concurrent calls. A further caller reaches the fallback number, or hears that all lines are
    /// busy.
    concurrent_calls: i32,
    /// Maximum numbers held at the same time, including those being bought or released.
    phone_numbers: i32,
    /// Countries of the numbers that may be dialled, as a fallback number or by a routing rule; `null`: all
    /// countries.
    dial_countries: Option<Vec<CountryCode>>,
    /// Whether numbers that can cost more than an ordinary call may be dialled: premium-rate, shared-cost,
    /// personal and satellite numbers, pagers, and numbers outside all numbering plans.
    dial_premium_numbers: bool,
}

/// Usage in one month, as far as it is known.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Usage {
    /// The month in UTC: `YYYY-MM`.
    month: String,
    /// Numbers held at any time during the month.
    phone_numbers: i32,
    /// Calls that arrived, including calls deleted since.
    calls: i32,
    /// Minutes of answered calls, each call rounded up to a whole minute, as the carrier bills.
    minutes: Decimal,
    /// Estimated price of this usage at the carrier.
    estimated_cost: EstimatedCost,
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
    /// Sum of both.
    total: Decimal,
}

impl Usage {
    fn new(month: (DateTime<Utc>, DateTime<Utc>), used: &[NumberUsage], provisioning: &Provisioning) -> Self {
        let cost_of =
            |used: &NumberUsage| provisioning.rates(&used.number).of_use(&used.number, month, used.minutes);
        let cost: Cost = used.iter().map(cost_of).sum();
        Self {
            month: month.0.format("%Y-%m").to_string(),
            phone_numbers: int(i64::try_from(used.len()).unwrap_or(i64::MAX)),
            calls: int(used.iter().map(|used| used.calls).sum()),
            minutes: Decimal(used.iter().map(|used| rust_decimal::Decimal::from(used.minutes)).sum()),
            estimated_cost: EstimatedCost {
                currency: cost.currency().to_owned(),
                phone_numbers: Decimal(cost.phone_numbers),
                calls: Decimal(cost.calls),
                total: Decimal(cost.total()),
            },
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
