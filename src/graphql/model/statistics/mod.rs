//! Type `CallStatistics`.

use async_graphql::{Context, Enum, ID, SimpleObject};

use super::read_id;
use super::scalars::{DateTime, Decimal};
use crate::domain::{AgentId, Interval, NotDivided, Zone};
use crate::graphql::context::ContextExt;
use crate::graphql::errors::ApiError;
use crate::store::CallCounts;

/// Length of a bucket of statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum StatisticsInterval {
    /// Hours of the local clock. An hour in which the clock changes ends at the change.
    Hour,
    /// Days of the local calendar: of 23 or 25 hours when the clock changes.
    Day,
}

impl StatisticsInterval {
    /// Maximum buckets of one query, and their name.
    fn most(self) -> (usize, &'static str) {
        match self {
            Self::Hour => (24 * 31, "hours"),
            Self::Day => (400, "days"),
        }
    }
}

/// Calls that arrived in one hour or day. Deleted calls count, too.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct CallStatistics {
    /// When the hour or day begins. It ends when the next one begins.
    start: DateTime,
    /// Calls that arrived: the sum of the five outcomes.
    calls: i32,
    /// Calls that the voice agent answered: outcome `AGENT`.
    answered_by_agent: i32,
    /// Calls that went to a person: outcome `FALLBACK`.
    fallback: i32,
    /// Calls for which no call slot was free: outcome `BUSY`.
    busy: i32,
    /// Calls that heard a message: outcome `UNAVAILABLE`.
    unavailable: i32,
    /// Calls that a routing rule rejected: outcome `REJECTED`.
    rejected: i32,
    /// Minutes of answered calls, each call rounded up to a whole minute, as the carrier bills. A call counts when it
    /// has ended, in the hour or day of its start.
    minutes: Decimal,
    /// Estimated price of the minutes in US dollars, as in `EstimatedCost.calls`.
    estimated_cost: Decimal,
}

/// Arguments of `callStatistics`.
pub(crate) struct Asked {
    pub(crate) from: DateTime,
    pub(crate) to: DateTime,
    pub(crate) by: StatisticsInterval,
    pub(crate) agent_id: Option<ID>,
    pub(crate) time_zone: String,
}

impl CallStatistics {
    /// Reads the statistics of the caller's calls.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for invalid arguments; errors of the read.
    pub(crate) async fn read(ctx: &Context<'_>, asked: Asked) -> Result<Vec<Self>, ApiError> {
        let session = ctx.session()?;
        let scope = session.scope()?;
        let bounds = bounds(&asked)?;
        let agent: Option<AgentId> = asked.agent_id.map(|id| read_id("agentId", &id)).transpose()?;
        let counts = match scope.narrow(agent) {
            Some(agent) => session.reader().await?.call_statistics(agent, &bounds).await?,
            None => Vec::new(),
        };
        let mut buckets: Vec<Bucket> = bounds.windows(2).map(|_| Bucket::default()).collect();
        for counts in &counts {
            // Every bucket is between two bounds.
            if let Some(bucket) = buckets.get_mut(counts.bucket) {
                bucket.add(counts, session.provisioning().minute_price(counts.country, counts.kind));
            }
        }
        Ok(bounds.iter().zip(buckets).map(|(start, bucket)| bucket.shown(DateTime(*start))).collect())
    }
}

fn bounds(asked: &Asked) -> Result<Vec<chrono::DateTime<chrono::Utc>>, ApiError> {
    let zone = Zone::find(&asked.time_zone).map_err(|why| ApiError::bad_input(format!("timeZone: {why}")))?;
    if asked.to.0 <= asked.from.0 {
        return Err(ApiError::bad_input("to: must be later than from"));
    }
    let (most, unit) = asked.by.most();
    let interval = match asked.by {
        StatisticsInterval::Hour => Interval::Hour,
        StatisticsInterval::Day => Interval::Day,
    };
    zone.buckets(interval, asked.from.0, asked.to.0, most).map_err(|why| match why {
        NotDivided::TooMany => ApiError::bad_input(format!(
            "to: at most {most} {unit} are allowed: pass an earlier time{}, or send several requests",
            if asked.by == StatisticsInterval::Hour { ", by: DAY" } else { "" }
        )),
        NotDivided::Impossible => ApiError::bad_input("from, to: too close to the ends of the calendar"),
    })
}

#[derive(Debug, Default)]
struct Bucket {
    agent: i64,
    fallback: i64,
    busy: i64,
    unavailable: i64,
    rejected: i64,
    minutes: i64,
    cost: rust_decimal::Decimal,
}

impl Bucket {
    fn add(&mut self, counts: &CallCounts, minute_price: rust_decimal::Decimal) {
        self.agent += counts.agent;
        self.fallback += counts.fallback;
        self.busy += counts.busy;
        self.unavailable += counts.unavailable;
        self.rejected += counts.rejected;
        self.minutes += counts.minutes;
        self.cost += minute_price * rust_decimal::Decimal::from(counts.minutes);
    }

    fn shown(&self, start: DateTime) -> CallStatistics {
        // Saturates at the 32 bits of GraphQL's `Int`.
        let int = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
        CallStatistics {
            start,
            calls: int(self.agent + self.fallback + self.busy + self.unavailable + self.rejected),
            answered_by_agent: int(self.agent),
            fallback: int(self.fallback),
            busy: int(self.busy),
            unavailable: int(self.unavailable),
            rejected: int(self.rejected),
            minutes: Decimal(self.minutes.into()),
            estimated_cost: Decimal(self.cost),
        }
    }
}
