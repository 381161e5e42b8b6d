//! What becomes of a call: its answer, and what carrier and voice provider report of it.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{changed, under_way};
use crate::domain::{Call, CallOutcome, CallReport, ConversationReport, Decision};
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
            row.conversation_due_at = Set(Some(self.shared.clock.now()));
        }
        if let Some(call) = update(self.db(), call::Column::Sid.eq(sid), row, self.shared.clock.now()).await?
        {
            self.shared.tell(changed(&call));
        }
        Ok(())
    }

    /// Takes what the carrier says of a call ([`Call::reported`]). `None`: unknown call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_call(&self, sid: &str, report: CallReport) -> Result<Option<Call>, StoreError> {
        self.report(call::Column::Sid.eq(sid), |before| before.reported(report)).await
    }

    /// Takes what the voice provider says of a conversation ([`Call::conversed`]). The call is the one answered with
    /// it; while that is not written down yet, the one by the carrier's id. `None`: no call of ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn report_conversation(&self, report: &ConversationReport) -> Result<Option<Call>, StoreError> {
        let answered_with = call::Column::ConversationId.eq(&report.conversation_id);
        let unanswered = |sid: &str| {
            Condition::all().add(call::Column::Sid.eq(sid)).add(call::Column::ConversationId.is_null())
        };
        let which =
            Condition::any().add(answered_with).add_option(report.call_sid.as_deref().map(unanswered));
        self.report(which, |before| before.conversed(report)).await
    }

    /// The carrier's ids of calls under way of which nothing was heard since `heard_before`, those left longest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn calls_unheard_of(
        &self,
        heard_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        let sids = call::Entity::find()
            .filter(under_way())
            .filter(call::Column::UpdatedAt.lt(heard_before))
            .order_by_asc(call::Column::UpdatedAt)
            .limit(limit)
            .select_only()
            .column(call::Column::Sid)
            .into_tuple()
            .all(self.db())
            .await?;
        Ok(sids)
    }

    /// Writes down that the carrier was asked about a call and told of no end: it is heard of now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn call_goes_on(&self, sid: &str) -> Result<(), StoreError> {
        call::Entity::update_many()
            .col_expr(call::Column::UpdatedAt, Expr::value(self.shared.clock.now()))
            .filter(call::Column::Sid.eq(sid))
            .exec(self.db())
            .await?;
        Ok(())
    }

    async fn report(
        &self,
        which: impl IntoCondition,
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
            conversation_id: Set(after.conversation_id.clone()),
            ended_at: Set(after.ended_at),
            duration_seconds: Set(after.duration_seconds),
            conversation_seconds: Set(after.conversation_seconds),
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
