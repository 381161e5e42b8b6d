//! Who answers a call: one server at a time, for as long as it renews its claim.
//!
//! Whoever writes a call down has claimed its first answer for [`CLAIM`], which costs no statement: the call's row says when it
//! began. A server that needs longer renews the claim; any other takes it over once it has lapsed, since the first one has
//! died then, or is as good as dead. Recording an answer ends the claim. What a call is answered with after a number was
//! dialled is claimed the same way, by a statement of its own.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::admit::Route;
use crate::store::entities::call;
use crate::store::{StoreError, SystemStore};

/// How long a claim holds without being renewed: a caller waits for so long when the server that has it dies.
const CLAIM: TimeDelta = TimeDelta::seconds(2);

/// Whose turn it is to answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// This server's, under this name.
    Ours(Uuid),
    /// Whoever claims it: the call was on record already.
    Open,
    /// The database was not asked.
    Unknown,
}

impl SystemStore {
    /// How often a claim is to be renewed.
    pub const RENEW_EVERY: Duration = Duration::from_millis(700);

    /// Claims the answer to a call under a new name, if no server has it and nothing was answered since the call was read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_answer(&self, route: &Route, name: Uuid) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let until = call::Column::AnsweringUntil;
        let unclaimed = until.is_null().and(call::Column::AnswerStage.is_not_null());
        let first_lapsed = until.is_null().and(call::Column::StartedAt.lte(now - CLAIM));
        let free = Condition::any().add(unclaimed).add(first_lapsed).add(until.lte(now));
        self.hold_answer(route, name, free).await
    }

    /// Holds on to a claim for [`Self::RENEW_EVERY`] and some more. Returns false when another server has taken it over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_claim(&self, route: &Route, name: Uuid) -> Result<bool, StoreError> {
        let holder = Expr::col(call::Column::AnsweringBy).if_null(Expr::col(call::Column::Id));
        self.hold_answer(route, name, Condition::all().add(holder.eq(name))).await
    }

    async fn hold_answer(&self, route: &Route, name: Uuid, which: Condition) -> Result<bool, StoreError> {
        let unchanged = match &route.answered {
            Some(given) => {
                call::Column::AnswerStage.eq(given.stage.as_str()).and(call::Column::AnsweredAt.eq(given.at))
            }
            None => call::Column::AnswerStage.is_null(),
        };
        let held = call::Entity::update_many()
            .col_expr(call::Column::AnsweringBy, Expr::value(name))
            .col_expr(call::Column::AnsweringUntil, Expr::value(self.shared.clock.now() + CLAIM))
            .filter(call::Column::Id.eq(route.call.id.0))
            .filter(unchanged)
            .filter(which)
            .exec(self.db())
            .await?;
        Ok(held.rows_affected > 0)
    }
}
