//! External events that operations wait for: a webhook announces one by its key, and whoever waits for it goes on.
//!
//! An event is a hint. It may come before its operation waits for it, twice, or never: so an operation that waits looks at the
//! provider by itself from time to time, and gives up when its time limit passes. The hint only makes it faster.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::EventKey;
use crate::store::entities::operation::{Column, Entity};
use crate::store::{StoreError, SystemStore};

/// Operations woken by one statement, so that no statement grows with those that wait.
const AT_ONCE: u64 = 500;

impl SystemStore {
    /// Makes the operations that wait for this event due; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wake(&self, event: &EventKey) -> Result<u64, StoreError> {
        let mut woken = 0;
        loop {
            let now = self.shared.clock.now();
            let waiting = Query::select()
                .column(Column::Id)
                .from(Entity)
                .and_where(Column::AwaitedEvent.eq(event.as_str()))
                .limit(AT_ONCE)
                .take();
            let due = Entity::update_many()
                .col_expr(Column::AwaitedEvent, Expr::cust("NULL"))
                .col_expr(Column::RunAfter, Expr::value(now))
                .col_expr(Column::UpdatedAt, Expr::value(now))
                .filter(Column::AwaitedEvent.eq(event.as_str()))
                .filter(Expr::col(Column::Id).in_subquery(waiting))
                .exec(self.db())
                .await?;
            woken += due.rows_affected;
            if due.rows_affected < AT_ONCE {
                return Ok(woken);
            }
        }
    }
}
