//! Which account a number belongs to, and with it its calls and messages.

use std::time::Duration;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};
use tokio::time::timeout;
use uuid::Uuid;

use crate::domain::{CarrierAccountId, E164, MessageId, NumberAccounts, NumberId, NumberStatus, TenantId};
use crate::store::entities::{call, message, phone_number};
use crate::store::{StoreError, SystemStore};

/// Time limit for reading a number while a caller waits.
const READ_TIME: Duration = Duration::from_secs(1);

/// Columns of [`NumberAccounts`].
type Row = (Uuid, Option<Uuid>, Option<Uuid>, Option<chrono::DateTime<chrono::Utc>>, bool);

fn read((tenant, owner, other, moved_at, is_moving): Row) -> (TenantId, NumberAccounts) {
    (TenantId(tenant), NumberAccounts::stored(owner, other, moved_at.is_some(), is_moving))
}

impl SystemStore {
    /// Whether calls and messages to a number may come from this account (`None`: the platform's). From memory if the number is
    /// cached, so that a call costs no statement. True for a number that is not known.
    pub async fn may_come_from(&self, number: &E164, account: Option<CarrierAccountId>) -> bool {
        if self.cached(number).is_some_and(|known| known.accounts.may_be(account)) {
            return true;
        }
        // Read again: it may have been moved, or taken over, a moment ago. While the database is unavailable, the cache decides.
        if !self.is_unavailable() {
            let _read_or_unavailable = timeout(READ_TIME, self.learn_number(number)).await;
        }
        self.cached(number).is_none_or(|known| known.accounts.may_be(account))
    }

    /// The accounts of a number.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn accounts_of_number(&self, id: NumberId) -> Result<NumberAccounts, StoreError> {
        let row = self.accounts_of(phone_number::Entity::find_by_id(id.0)).await?;
        Ok(row.map(|(_, accounts)| accounts).unwrap_or_default())
    }

    /// The accounts of the number that holds this E.164 now; `None` if no tenant holds it.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn accounts_of_e164(
        &self,
        number: &E164,
    ) -> Result<Option<(TenantId, NumberAccounts)>, StoreError> {
        let held = phone_number::Entity::find()
            .filter(phone_number::Column::Number.eq(number.as_str()))
            .filter(phone_number::Column::Status.ne(NumberStatus::Released.as_str()));
        Ok(self.accounts_of(held).await?)
    }

    /// The tenant of a call and the accounts of its number; `None` if the call is not on record.
    ///
    /// # Errors
    /// [`StoreError`] if a query fails.
    pub async fn accounts_of_call(
        &self,
        sid: &str,
    ) -> Result<Option<(TenantId, NumberAccounts)>, StoreError> {
        let call = call::Entity::find().filter(call::Column::Sid.eq(sid));
        self.accounts_by(call.select_only().column(call::Column::PhoneNumberId)).await
    }

    /// The tenant of a message, by the carrier's id or ours, and the accounts of its number; `None` if it is not on record.
    ///
    /// # Errors
    /// [`StoreError`] if a query fails.
    pub async fn accounts_of_message(
        &self,
        sid: &str,
        id: Option<MessageId>,
    ) -> Result<Option<(TenantId, NumberAccounts)>, StoreError> {
        let messages = || message::Entity::find().select_only().column(message::Column::PhoneNumberId);
        if let Some(id) = id
            && let Some(found) = self.accounts_by(messages().filter(message::Column::Id.eq(id.0))).await?
        {
            return Ok(Some(found));
        }
        self.accounts_by(messages().filter(message::Column::Sid.eq(sid))).await
    }

    /// The accounts of the number that a query of one id finds.
    async fn accounts_by<E: EntityTrait>(
        &self,
        number: Select<E>,
    ) -> Result<Option<(TenantId, NumberAccounts)>, StoreError> {
        let is_its = phone_number::Column::Id.in_subquery(QueryTrait::into_query(number));
        Ok(self.accounts_of(phone_number::Entity::find().filter(is_its)).await?)
    }

    async fn accounts_of(
        &self,
        number: Select<phone_number::Entity>,
    ) -> Result<Option<(TenantId, NumberAccounts)>, DbErr> {
        use phone_number::Column::{CarrierAccountId, IsMoving, MovedAt, OtherAccountId, TenantId};
        let columns = [TenantId, CarrierAccountId, OtherAccountId, MovedAt, IsMoving];
        let row = number.select_only().columns(columns).into_tuple::<Row>().one(self.db()).await?;
        Ok(row.map(read))
    }
}
