//! Proof that calls are forwarded: a call that names the kept number as its forwarder, or a test call that was announced.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use crate::domain::{E164, KeptNumber, KeptNumberId, KeptNumberState, NumberStatus, TenantId};
use crate::store::entities::kept::{ActiveModel, Column, Entity, Model, TABLE};
use crate::store::entities::{self, call, phone_number};
use crate::store::{StoreError, SystemStore, audit_event};

/// Rows in one round.
const AT_ONCE: u64 = 100;

/// Whether the announced test call has come.
fn has_come() -> Expr {
    let call = |column: call::Column| Expr::col((call::Entity, column));
    let kept = |column: Column| Expr::col((Entity, column));
    let came = Query::select()
        .expr(Expr::val(1))
        .from(call::Entity)
        .and_where(call(call::Column::PhoneNumberId).eq(kept(Column::PhoneNumberId)))
        .and_where(call(call::Column::Caller).eq(kept(Column::TestCaller)))
        .and_where(call(call::Column::StartedAt).gte(kept(Column::TestFrom)))
        .and_where(call(call::Column::StartedAt).lte(kept(Column::TestUntil)))
        .take();
    Expr::exists(came)
}

impl SystemStore {
    /// Stores that a call to `called` came through the kept number `forwarded_from`, if it is forwarded to `called`. Returns whether
    /// that was new.
    ///
    /// # Errors
    /// [`StoreError`] if the database is unavailable.
    pub async fn note_forwarded(&self, called: &E164, forwarded_from: &E164) -> Result<bool, StoreError> {
        let target = Query::select()
            .column(phone_number::Column::Id)
            .from(phone_number::Entity)
            .and_where(phone_number::Column::Number.eq(called.as_str()))
            .and_where(phone_number::Column::Status.ne(NumberStatus::Released.as_str()))
            .take();
        let found = Entity::find()
            .filter(Column::Number.eq(forwarded_from.as_str()))
            .filter(Column::State.eq(KeptNumberState::Forwarding.as_str()))
            .filter(Column::PhoneNumberId.in_subquery(target));
        let mut is_new = false;
        for kept in entities::all::<_, KeptNumber>(self.db(), found).await? {
            is_new |= self.verify(kept.tenant_id, kept.id).await?;
        }
        Ok(is_new)
    }

    /// Returns the kept numbers whose announced test call has come, and forgets announcements that are over.
    ///
    /// # Errors
    /// [`StoreError`] if the database is unavailable. An unreadable row is reported and passed over.
    pub async fn tested_numbers(&self) -> Result<Vec<(TenantId, KeptNumberId)>, StoreError> {
        let tested = Entity::find()
            .filter(Column::TestUntil.is_not_null())
            .filter(Column::State.eq(KeptNumberState::Forwarding.as_str()))
            .filter(has_come())
            .limit(AT_ONCE);
        let rows = entities::found(self.db(), tested).await?;
        let (found, _) = self.readable(TABLE, &rows, |row: Model| KeptNumber::try_from(row));
        self.forget_tests(self.shared.clock.now()).await?;
        Ok(found.into_iter().map(|kept| (kept.tenant_id, kept.id)).collect())
    }

    async fn forget_tests(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        // Calls are recorded a little later than they come.
        let over = now - chrono::TimeDelta::minutes(2);
        let row = ActiveModel {
            test_caller: Set(None),
            test_from: Set(None),
            test_until: Set(None),
            detail: Set(Some(
                "no test call arrived in time: check the forwarding, then announce another".into(),
            )),
            updated_at: Set(now),
            ..Default::default()
        };
        Entity::update_many()
            .set(row)
            .filter(Column::TestUntil.lt(over))
            .filter(Column::State.eq(KeptNumberState::Forwarding.as_str()))
            // Others are verified in the next round.
            .filter(has_come().not())
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Stores that calls through a kept number arrive. Returns whether that was new.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is written.
    pub async fn verify(&self, tenant: TenantId, id: KeptNumberId) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let row = ActiveModel {
            state: Set(KeptNumberState::Verified.to_string()),
            detail: Set(None),
            test_caller: Set(None),
            test_from: Set(None),
            test_until: Set(None),
            updated_at: Set(self.shared.clock.now()),
            ..Default::default()
        };
        let verified = Entity::update_many()
            .set(row)
            .filter(
                Condition::all()
                    .add(Column::Id.eq(id.0))
                    .add(Column::TenantId.eq(tenant.0))
                    .add(Column::State.eq(KeptNumberState::Forwarding.as_str())),
            )
            .exec(&transaction)
            .await?;
        if verified.rows_affected == 0 {
            return Ok(false);
        }
        audit_event::number_verified(&transaction, &self.shared, tenant, id).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
