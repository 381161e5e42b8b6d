//! Counts unfinished operations, for operators. The partial index over them keeps this cheap,
//! however many have ended.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use super::UNFINISHED;
use crate::domain::OperationState;
use crate::store::entities::operation::{Column, Entity};
use crate::store::{StoreError, SystemStore};

/// The unfinished operations of all tenants.
#[derive(Debug, Clone)]
pub struct Backlog {
    /// Their number in each state that is not final.
    pub by_state: Vec<(OperationState, i64)>,
    /// When the oldest operation that is due or begun was created. Operations that start later, such as a release in its grace
    /// period, and those that wait for an external event do not count.
    pub oldest: Option<DateTime<Utc>>,
}

impl SystemStore {
    /// Counts the unfinished operations of all tenants, and finds the oldest of those that should be under way.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let is_tried = Condition::all().add(Column::Attempts.gt(0)).add(Column::AwaitedEvent.is_null());
        let is_begun = Condition::any().add(Column::RunAfter.lte(self.shared.clock.now())).add(is_tried);
        // Null for all others, which `min` ignores: one statement gives both figures.
        let begun = CaseStatement::new().case(is_begun, Expr::col(Column::CreatedAt));
        let found: Vec<(String, i64, Option<DateTime<Utc>>)> = Entity::find()
            .select_only()
            .column(Column::State)
            .column_as(Column::Id.count(), "operations")
            .column_as(Expr::expr(begun).min(), "oldest")
            .filter(Column::State.is_in(UNFINISHED))
            .group_by(Column::State)
            .into_tuple()
            .all(self.db())
            .await?;
        let states = OperationState::ALL.iter().filter(|state| !state.is_final());
        let count = |state: OperationState| {
            found.iter().find(|(known, ..)| known == state.as_str()).map_or(0, |(_, count, _)| *count)
        };
        Ok(Backlog {
            by_state: states.map(|state| (*state, count(*state))).collect(),
            oldest: found.iter().filter_map(|(.., oldest)| *oldest).min(),
        })
    }
}
