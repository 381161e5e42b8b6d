//! `callStatistics`.

use async_graphql::{Context, ID, Object};

use crate::graphql::errors::ApiError;
use crate::graphql::model::{Asked, CallStatistics, DateTime, Defaulted, StatisticsInterval};

/// Statistics of calls.
#[derive(Debug, Default)]
pub(super) struct StatisticsQuery;

#[Object]
impl StatisticsQuery {
    /// The tenant's calls by hour or day and outcome, oldest first. Hours and days without calls are there, with
    /// zeros. Only whole hours or days are returned: the first contains `from`, and the last one ends at or after
    /// `to`.
    #[graphql(complexity = "child_complexity + 50")]
    async fn call_statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A time in the first hour or day.")] from: DateTime,
        #[graphql(
            desc = "The end, later than `from`: at most 744 hours or 400 days, counting those that are only touched."
        )]
        to: DateTime,
        #[graphql(
            desc = "Length of the buckets.",
            default_with = "Defaulted(Some(StatisticsInterval::Day))"
        )]
        by: Defaulted<StatisticsInterval>,
        #[graphql(desc = "Only calls to this agent. Default: to all agents.")] agent_id: Option<ID>,
        #[graphql(
            desc = "The time zone whose hours and days are counted, by its name in the IANA database, such as `Europe/Berlin`.",
            default_with = "Defaulted(Some(\"UTC\".to_owned()))"
        )]
        time_zone: Defaulted<String>,
    ) -> Result<Vec<CallStatistics>, ApiError> {
        let asked = Asked {
            from,
            to,
            by: by.0.unwrap_or(StatisticsInterval::Day),
            agent_id,
            time_zone: time_zone.0.unwrap_or_else(|| "UTC".to_owned()),
        };
        Box::pin(CallStatistics::read(ctx, asked)).await
    }
}
