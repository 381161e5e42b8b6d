//! What participants have said about texts from a tenant. It counts for all of the tenant's numbers. Each change is in the audit
//! trail.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::super::entities::message::consent::{ActiveModel, Column, Entity, TABLE};
use super::super::{StoreError, SystemStore, TenantStore, audit_event, entities};
use crate::domain::{MessagingConsent, Participant, TenantId, ThreadId};

impl TenantStore {
    /// The consents of these participants. One who has said nothing is missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn consents(
        &self,
        participants: &[Participant],
    ) -> Result<HashMap<Participant, MessagingConsent>, StoreError> {
        let found = Entity::find()
            .filter(Column::TenantId.eq(self.tenant.0))
            .filter(Column::Participant.is_in(participants.iter().map(Participant::as_str)));
        let rows = found.all(&self.transaction).await?;
        rows.into_iter()
            .map(|row| {
                let participant = entities::text(TABLE, "participant", &row.participant)?;
                Ok((participant, entities::text(TABLE, "consent", &row.consent)?))
            })
            .collect()
    }

    /// What this participant has said.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn consent_of(&self, participant: &Participant) -> Result<MessagingConsent, StoreError> {
        read(&self.transaction, self.tenant, participant).await
    }

    /// Sets a participant's consent, and records who did so under the thread.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn set_consent(
        &self,
        thread: ThreadId,
        participant: &Participant,
        consent: MessagingConsent,
    ) -> Result<(), StoreError> {
        let found = Entity::find_by_id((self.tenant.0, participant.as_str().to_owned()));
        let known = found.one(&self.transaction).await?;
        // Also if another server's clock is ahead: what is said now is the latest.
        let now = self.shared.clock.now();
        let at = known.map_or(now, |known| std::cmp::max(known.changed_at, now));
        if write(&self.transaction, self.tenant, participant, consent, at).await? {
            self.audit(audit_event::CONSENT_CHANGED, thread).await?;
        }
        Ok(())
    }
}

impl SystemStore {
    /// Whether a participant asked this tenant for no more texts.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn has_opted_out(
        &self,
        tenant: TenantId,
        participant: &Participant,
    ) -> Result<bool, StoreError> {
        Ok(read(self.db(), tenant, participant).await? == MessagingConsent::OptedOut)
    }
}

/// What a participant has said.
pub(super) async fn read(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    participant: &Participant,
) -> Result<MessagingConsent, StoreError> {
    let found = Entity::find_by_id((tenant.0, participant.as_str().to_owned())).one(db).await?;
    found.map_or(Ok(MessagingConsent::Implied), |row| entities::text(TABLE, "consent", &row.consent))
}

/// Writes what a participant said at this time, unless something later is known. Returns whether the consent changed.
pub(super) async fn write(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    participant: &Participant,
    consent: MessagingConsent,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let before = read(db, tenant, participant).await?;
    let row = ActiveModel {
        tenant_id: Set(tenant.0),
        participant: Set(participant.as_str().to_owned()),
        consent: Set(consent.to_string()),
        changed_at: Set(at),
    };
    // Messages are stored in any order: one that waited for the database, or whose webhook was missed, is older.
    let later = OnConflict::columns([Column::TenantId, Column::Participant])
        .update_columns([Column::Consent, Column::ChangedAt])
        .action_and_where(Expr::col((Entity, Column::ChangedAt)).lte(at))
        .to_owned();
    let written = Entity::insert(row).on_conflict(later).exec_without_returning(db).await?;
    Ok(written > 0 && consent != before)
}
