//! Claims on answering a call: one server answers, for as long as it renews its claim.
//!
//! The server that records a call has thereby claimed its first answer for [`CLAIM`]. This costs no statement, because the
//! call's row has its start time. A server that needs longer renews the claim. Once a claim has expired, any other server takes
//! it over: the first one has died or is too slow. Recording an answer ends the claim. The answer after a dialled call is
//! claimed in the same way, by a statement of its own.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::admit::Route;
use crate::store::entities::call;
use crate::store::{StoreError, SystemStore};

/// How long a claim is valid without being renewed. A caller waits this long if the answering server dies.
const CLAIM: TimeDelta = TimeDelta::seconds(2);

/// Which server answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerClaim {
    /// This server, under this claim's name.
    Ours(Uuid),
    /// Any server that claims it: the call was on record already.
    Open,
    /// Unknown: the database was not asked.
    Unknown,
}

impl SystemStore {
    /// Interval at which a claim must be renewed.
    // Two renewals fit into a claim, so one may fail.
    pub const RENEW_EVERY: Duration = Duration::from_millis(700);

    /// Claims the answer to a call under a new name, unless another server has claimed it, or an answer was recorded
    /// after the call was read.
    ///
    /// # Errors
    /// [`StoreError`]; the claim may have been taken all the same, and then expires.
    pub async fn claim_answer(&self, route: &Route, name: Uuid) -> Result<bool, StoreError> {
        let now = self.shared.clock.now();
        let until = call::Column::AnsweringUntil;
        // An answer that was recorded ends the claim, and leaves no time behind.
        let unclaimed = until.is_null().and(call::Column::AnswerStage.is_not_null());
        // No claim was ever written: the first one lasts from the start of the call.
        let first_lapsed = until.is_null().and(call::Column::StartedAt.lte(now - CLAIM));
        let free = Condition::any().add(unclaimed).add(first_lapsed).add(until.lte(now));
        self.set_claim(route, name, free).await
    }

    /// Renews a claim for [`Self::RENEW_EVERY`] and a margin. Returns false if another server has taken it over.
    ///
    /// # Errors
    /// [`StoreError`]; whether the claim still holds is unknown.
    pub async fn renew_claim(&self, route: &Route, name: Uuid) -> Result<bool, StoreError> {
        // The first claim's name is the call's id, and its row names no holder.
        let holder = Expr::col(call::Column::AnsweringBy).if_null(Expr::col(call::Column::Id));
        self.set_claim(route, name, Condition::all().add(holder.eq(name))).await
    }

    async fn set_claim(&self, route: &Route, name: Uuid, which: Condition) -> Result<bool, StoreError> {
        // An answer recorded since the call was read has ended the claim.
        let unchanged = match &route.answered {
            Some(given) => {
                call::Column::AnswerStage.eq(given.stage.as_str()).and(call::Column::AnsweredAt.eq(given.at))
            }
            None => call::Column::AnswerStage.is_null(),
        };
        let claimed = call::Entity::update_many()
            .col_expr(call::Column::AnsweringBy, Expr::value(name))
            .col_expr(call::Column::AnsweringUntil, Expr::value(self.shared.clock.now() + CLAIM))
            .filter(call::Column::Id.eq(route.call.id.0))
            .filter(unchanged)
            .filter(which)
            .exec(self.db())
            .await?;
        Ok(claimed.rows_affected > 0)
    }
}
