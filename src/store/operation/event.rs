//! External events that operations wait for. A webhook announces an event by its key, which makes the waiting operations due.
//!
//! An event is only a hint that makes an operation faster. It may arrive before the operation waits for it, twice, or never.
//! Therefore a waiting operation also asks the provider from time to time, and gives up when its time limit passes.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::domain::EventKey;
use crate::store::entities::operation::{Column, Entity};
use crate::store::{StoreError, SystemStore};

/// Maximum number of operations that one statement wakes.
// Bounds the rows that one statement locks: any number of operations may wait for one event.
const AT_ONCE: u64 = 500;

impl SystemStore {
    /// Makes the operations that wait for this event due. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`]; some operations may be due by then, and a repetition wakes the others.
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
                // Checked again under the row's lock: the operation may have gone on since the subquery.
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
