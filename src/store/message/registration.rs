//! What numbers may send, as the carrier told last. The servers share one check: one of them claims it when it is due.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement};

use super::super::entities::message::registration::{ActiveModel, Column, Entity};
use super::super::entities::{self, phone_number};
use super::super::{Shared, StoreError, SystemStore, TenantStore};
use crate::domain::{MessagingRegistration, MessagingStatus, NumberId, NumberStatus, PhoneNumber, TenantId};

/// Rows of one statement.
const AT_ONCE: usize = 500;
/// When a check that did not end, or failed, is repeated.
const REPEATED_AFTER: TimeDelta = TimeDelta::minutes(5);

/// When a check may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckWhen {
    /// When it is due, or a number was never asked about.
    Due,
    /// At once.
    Now,
}

/// A check that this server carries out.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationCheck {
    /// When another server repeats it if it does not end.
    until: DateTime<Utc>,
    /// When it began, or was renewed last: no other server begins one for a while.
    begun_at: DateTime<Utc>,
}

impl TenantStore {
    /// What these numbers may send. A number that was never asked about is missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn registrations(
        &self,
        numbers: &[NumberId],
    ) -> Result<HashMap<NumberId, MessagingRegistration>, StoreError> {
        let rows = Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::PhoneNumberId.is_in(numbers.iter().map(|id| id.0)))
            .all(&self.transaction)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl SystemStore {
    /// Why texts to numbers do not reach this server, whatever the numbers' own settings say.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn misdirected_numbers(&self) -> Result<HashMap<NumberId, String>, StoreError> {
        let rows = Entity::find().filter(Column::Misdirected.is_not_null()).all(self.db()).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| Some((NumberId(row.phone_number_id), row.misdirected?)))
            .collect())
    }

    /// Why texts to this number do not reach this server, whatever its own settings say.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn misdirection_of(&self, number: NumberId) -> Result<Option<String>, StoreError> {
        let known = Entity::find_by_id(number.0).one(self.db()).await?;
        Ok(known.and_then(|row| row.misdirected))
    }

    /// Every number that is held at the carrier, and the ids of unreadable rows.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn numbers_at_carrier(&self) -> Result<(Vec<PhoneNumber>, Vec<NumberId>), StoreError> {
        let held = phone_number::Entity::find()
            .filter(phone_number::Column::Status.is_in(NumberStatus::TAKING_CALLS.map(NumberStatus::as_str)));
        let rows = entities::found(self.db(), held).await?;
        let (numbers, unreadable) =
            self.readable(phone_number::TABLE, &rows, |row: phone_number::Model| row.try_into());
        Ok((numbers, unreadable.into_iter().map(NumberId).collect()))
    }

    /// Stores what the carrier told about numbers.
    ///
    /// # Errors
    /// [`StoreError`]: those that were written before stay.
    pub async fn write_registrations(
        &self,
        told: &[(NumberId, TenantId, MessagingRegistration)],
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        for told in told.chunks(AT_ONCE) {
            let rows = told.iter().map(|(number, tenant, told)| ActiveModel {
                phone_number_id: Set(number.0),
                tenant_id: Set(tenant.0),
                status: Set(told.status.to_string()),
                reason: Set(told.reason.clone()),
                misdirected: Set(told.misdirected.clone()),
                checked_at: Set(now),
            });
            let known = OnConflict::column(Column::PhoneNumberId)
                .update_columns([Column::Status, Column::Reason, Column::Misdirected, Column::CheckedAt])
                .to_owned();
            Entity::insert_many(rows).on_conflict(known).exec_without_returning(self.db()).await?;
        }
        Ok(())
    }

    /// Notes which numbers were asked about in vain, unless something is known of them.
    ///
    /// # Errors
    /// [`StoreError`] if a statement fails.
    pub async fn note_unknown_registrations(&self, numbers: &[PhoneNumber]) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        for numbers in numbers.chunks(AT_ONCE) {
            let rows = numbers.iter().map(|number| ActiveModel {
                phone_number_id: Set(number.id.0),
                tenant_id: Set(number.tenant_id.0),
                status: Set(MessagingStatus::Unknown.to_string()),
                reason: Set(None),
                misdirected: Set(None),
                checked_at: Set(now),
            });
            let known = OnConflict::column(Column::PhoneNumberId).do_nothing().to_owned();
            Entity::insert_many(rows).on_conflict(known).exec_without_returning(self.db()).await?;
        }
        Ok(())
    }

    /// Notes that numbers with unreadable rows were not asked about: otherwise they would count as new, and have all numbers checked
    /// again and again.
    ///
    /// # Errors
    /// [`StoreError`] if a statement fails.
    pub async fn note_unreadable_numbers(&self, numbers: &[NumberId]) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let sql = "INSERT INTO messaging_registrations (phone_number_id, tenant_id, status, checked_at) \
                   SELECT id, tenant_id, $1, $2 FROM phone_numbers WHERE id = $3 \
                   ON CONFLICT (phone_number_id) DO NOTHING";
        let backend = self.db().get_database_backend();
        for number in numbers {
            let values = [MessagingStatus::Unknown.as_str().into(), now.into(), number.0.into()];
            self.db().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        }
        Ok(())
    }

    /// Claims the check of all numbers; `None` if it is not due, or one began within `pause`.
    ///
    /// # Errors
    /// [`StoreError`] if the statement fails.
    pub async fn begin_registration_check(
        &self,
        when: CheckWhen,
        pause: TimeDelta,
    ) -> Result<Option<RegistrationCheck>, StoreError> {
        // As Postgres stores it, to be recognized at the end.
        let now = self.shared.clock.now().trunc_subsecs(6);
        let until = (now + REPEATED_AFTER).trunc_subsecs(6);
        let due = match when {
            CheckWhen::Now => "1 = 1",
            CheckWhen::Due => {
                "(due_at <= $2 OR EXISTS (SELECT 1 FROM phone_numbers AS number WHERE number.status = 'active' \
                 AND NOT EXISTS (SELECT 1 FROM messaging_registrations AS known WHERE known.phone_number_id = number.id)))"
            }
        };
        let sql = format!(
            "UPDATE registration_checks SET due_at = $1, checked_at = $2 \
             WHERE id = 1 AND (checked_at IS NULL OR checked_at <= $3 OR checked_at > $2) AND {due}"
        );
        let backend = self.db().get_database_backend();
        let values = [until.into(), now.into(), (now - pause).into()];
        let claimed = self.db().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok((claimed.rows_affected() > 0).then_some(RegistrationCheck { until, begun_at: now }))
    }

    /// Keeps other servers from checking as well, however long it takes. Returns the renewed check.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if another server has begun one.
    pub async fn renew_registration_check(
        &self,
        check: RegistrationCheck,
    ) -> Result<RegistrationCheck, StoreError> {
        let now = self.shared.clock.now().trunc_subsecs(6);
        let sql = "UPDATE registration_checks SET checked_at = $1 WHERE id = 1 AND checked_at = $2";
        let values = [now.into(), check.begun_at.into()];
        let backend = self.db().get_database_backend();
        let renewed = self.db().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        match renewed.rows_affected() {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(RegistrationCheck { begun_at: now, ..check }),
        }
    }

    /// Ends a check: the next one is due after this time, unless a message showed meanwhile that something has changed.
    ///
    /// # Errors
    /// [`StoreError`]; the check is repeated then.
    pub async fn end_registration_check(
        &self,
        check: RegistrationCheck,
        next_after: TimeDelta,
    ) -> Result<(), StoreError> {
        let next = self.shared.clock.now() + next_after;
        let sql = "UPDATE registration_checks SET due_at = $1 WHERE id = 1 AND due_at = $2";
        let backend = self.db().get_database_backend();
        let values = [next.into(), check.until.into()];
        self.db().execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(())
    }
}

/// Has the numbers checked soon: a message failed because its number is not registered.
pub(super) async fn check_soon(db: &impl ConnectionTrait, shared: &Shared) -> Result<(), StoreError> {
    // Only the first of many failures writes.
    let sql = "UPDATE registration_checks SET due_at = $1 WHERE id = 1 AND due_at > $1";
    let values = [shared.clock.now().into()];
    db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
    Ok(())
}
