//! What becomes of a call: its answer, and what carrier and voice provider report of it.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::changed;
use crate::domain::{Call, CallOutcome, CallStatus, Decision};
use crate::store::entities::call;
use crate::store::{StoreError, SystemStore, dialect};

impl SystemStore {
    /// Writes down what a call, by the carrier's id, was answered with, and why.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_answer(
        &self,
        sid: &str,
        outcome: CallOutcome,
        decision: &Decision,
        conversation_id: Option<&str>,
        twiml: &str,
    ) -> Result<(), StoreError> {
        let mut row = call::ActiveModel {
            outcome: Set(outcome.to_string()),
            decision: Set(serde_json::json!(decision)),
            answer_twiml: Set(Some(twiml.to_owned())),
            ..Default::default()
        };
        if let Some(conversation_id) = conversation_id {
            row.conversation_id = Set(Some(conversation_id.to_owned()));
        }
        if let Some(call) = update(self.db(), call::Column::Sid.eq(sid), row, self.shared.clock.now()).await?
        {
            self.shared.tell(changed(&call));
        }
        Ok(())
    }

    /// Moves a call on to a reported status, if that is ahead ([`CallStatus::then`]). `None`: unknown call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_call(
        &self,
        sid: &str,
        status: CallStatus,
        duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        let now = self.shared.clock.now();
        self.report(call::Column::Sid.eq(sid), |before| {
            let status = before.status.then(status);
            let ended_at = before.ended_at.or(status.is_final().then_some(now));
            let duration_seconds = before
                .duration_seconds
                .or(duration_seconds.filter(|seconds| status.is_final() && *seconds >= 0));
            Call { status, ended_at, duration_seconds, ..before }
        })
        .await
    }

    /// Fills in what the voice provider says of a conversation. `None`: no call has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_conversation(
        &self,
        conversation_id: &str,
        duration_seconds: Option<i32>,
    ) -> Result<Option<Call>, StoreError> {
        // The carrier's count is what is billed: the provider's only fills the gap.
        self.report(call::Column::ConversationId.eq(conversation_id), |before| Call {
            duration_seconds: before.duration_seconds.or(duration_seconds.filter(|seconds| *seconds >= 0)),
            ..before
        })
        .await
    }

    async fn report(
        &self,
        which: Expr,
        change: impl FnOnce(Call) -> Call,
    ) -> Result<Option<Call>, StoreError> {
        let transaction = self.begin().await?;
        let mut query = call::Entity::find().filter(which);
        dialect::lock_rows(&transaction, QuerySelect::query(&mut query));
        let Some(row) = query.one(&transaction).await? else { return Ok(None) };
        let before = Call::try_from(row)?;
        let after = change(before.clone());
        if after == before {
            return Ok(Some(before));
        }
        let row = call::ActiveModel {
            status: Set(after.status.to_string()),
            ended_at: Set(after.ended_at),
            duration_seconds: Set(after.duration_seconds),
            ..Default::default()
        };
        update(&transaction, call::Column::Id.eq(after.id.0), row, self.shared.clock.now()).await?;
        transaction.commit().await?;
        self.shared.tell(changed(&after));
        Ok(Some(after))
    }
}

async fn update(
    db: &impl ConnectionTrait,
    which: Expr,
    mut row: call::ActiveModel,
    now: DateTime<Utc>,
) -> Result<Option<Call>, StoreError> {
    row.updated_at = Set(now);
    let written = call::Entity::update_many()
        .set(row)
        .col_expr(call::Column::Sequence, Expr::col(call::Column::Sequence).add(1))
        .filter(which)
        .exec_with_returning(db)
        .await?;
    written.into_iter().next().map(Call::try_from).transpose()
}
