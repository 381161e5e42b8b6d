//! The audit trail. An event is written in the transaction of the change it describes, so that neither exists
//! without the other. Nothing changes or deletes events, and the database permits it to nobody.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait, Select};

use super::entities;
use super::entities::audit_event::{ActiveModel, Column, Entity, Model};
use super::page::{self, Cursor, Keyset, PageOf, PageRequest};
use super::{Shared, StoreError, TenantStore};
use crate::domain::{
    Actor, AuditEvent, AuditEventId, AuditOutcome, AuditOutcomeKind, Author, KeptNumberId, NodeId, Operation,
    TenantId, ThreadId,
};

/// Rows in one statement: a row has eight values, and SQLite allows 32,766.
const ROWS_PER_STATEMENT: usize = 1000;

/// Name of a change of consent to texts, whoever made it.
pub(super) const CONSENT_CHANGED: &str = "setMessagingConsent";

/// Name of a change of who answers a thread, whoever made it.
pub(super) const HANDLING_CHANGED: &str = "setThreadHandling";

const KEYSET: Keyset<Column> = Keyset { at: Column::At, id: Column::Id };

/// Filter for audit events. All given conditions must match.
#[derive(Debug, Clone, Default)]
pub struct AuditEventFilter {
    /// Only this action.
    pub action: Option<String>,
    /// Only actions of this actor, as stored.
    pub actor: Option<String>,
    /// Only actions on the object with this global id.
    pub subject: Option<NodeId>,
    /// Only actions that ended so, or have not ended.
    pub outcome: Option<AuditOutcomeKind>,
    /// Only events at or after this time.
    pub recorded_after: Option<DateTime<Utc>>,
    /// Only events before this time.
    pub recorded_before: Option<DateTime<Utc>>,
}

impl AuditEventFilter {
    fn of(&self, query: Select<Entity>) -> Select<Entity> {
        query
            .apply_if(self.action.as_ref(), |query, action| query.filter(Column::Action.eq(action)))
            .apply_if(self.actor.as_ref(), |query, actor| query.filter(Column::Actor.eq(actor)))
            .apply_if(self.subject, |query, subject| query.filter(Column::Subject.eq(subject.to_string())))
            .apply_if(self.outcome, |query, outcome| match outcome {
                AuditOutcomeKind::Accepted | AuditOutcomeKind::Succeeded => {
                    query.filter(Column::Outcome.eq(outcome.as_str()))
                }
                // Followed by the error's code.
                AuditOutcomeKind::Failed => query.filter(Column::Outcome.starts_with(outcome.as_str())),
            })
            .apply_if(self.recorded_after, |query, at| query.filter(Column::At.gte(at)))
            .apply_if(self.recorded_before, |query, at| query.filter(Column::At.lt(at)))
    }
}

impl TenantStore {
    fn own_audit_events(&self) -> Select<Entity> {
        Entity::find().filter(Column::TenantId.eq(self.tenant.0))
    }

    /// Records a change made in this transaction: the mutation and the object.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn audit(&self, action: &str, subject: impl Display) -> Result<(), StoreError> {
        self.write_event(action, Some(subject.to_string()), AuditOutcome::Succeeded).await
    }

    /// Records an action that is about to be taken at a provider: the mutation and the object.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn audit_intent(&self, action: &str, subject: impl Display) -> Result<(), StoreError> {
        self.write_event(action, Some(subject.to_string()), AuditOutcome::Accepted).await
    }

    /// Records that somebody outside the tenant gets access to its data, and by which action.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction must then be dropped.
    pub async fn audit_access(&self, action: &str) -> Result<(), StoreError> {
        self.write_event(action, None, AuditOutcome::Accepted).await
    }

    /// Records that an operation was requested. The subject is its number, else its agent, else the operation.
    pub(super) async fn audit_begun(&self, operation: &Operation) -> Result<(), StoreError> {
        let number = operation.number_id.map(|id| id.to_string());
        let agent = || operation.agent_id.map(|id| id.to_string());
        let subject = number.or_else(agent).unwrap_or_else(|| operation.id.to_string());
        self.write_event(operation.kind.audit_action(), Some(subject), AuditOutcome::Accepted).await
    }

    /// Records that the author of this transaction ended an operation.
    pub(super) async fn audit_ended(&self, operation: &Operation) -> Result<(), StoreError> {
        let outcome = AuditOutcome::of(operation.error.as_ref());
        self.write_event(operation.kind.audit_action(), Some(operation.id.to_string()), outcome).await
    }

    async fn write_event(
        &self,
        action: &str,
        subject: Option<String>,
        outcome: AuditOutcome,
    ) -> Result<(), StoreError> {
        let row = row(&self.shared, self.tenant, self.author()?, action, subject, outcome);
        Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// Returns the events with these ids, in no order. Events of other tenants are missing.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn audit_events_by_id(&self, ids: &[AuditEventId]) -> Result<Vec<AuditEvent>, StoreError> {
        let wanted = Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = entities::found(&self.transaction, self.own_audit_events().filter(wanted)).await?;
        rows.iter().map(|row| Ok(AuditEvent::from(entities::decoded::<Model>(row)?))).collect()
    }

    /// Returns a page of the tenant's audit trail, newest first.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] if one of the rows is unreadable, which fails the whole read.
    pub async fn audit_events(
        &self,
        filter: &AuditEventFilter,
        page: PageRequest,
    ) -> Result<PageOf<AuditEvent>, StoreError> {
        page::page(&self.transaction, filter.of(self.own_audit_events()), KEYSET, page, |row| {
            Ok((Cursor { at: row.at, id: row.id }, row.into()))
        })
        .await
    }

    /// Counts the tenant's audit events.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn count_audit_events(&self, filter: &AuditEventFilter) -> Result<i64, StoreError> {
        page::count(&self.transaction, filter.of(self.own_audit_events())).await
    }
}

/// Records that a driver ended an operation, under the id of the request that started it.
pub(super) async fn operation_ended(
    db: &impl ConnectionTrait,
    shared: &Shared,
    operation: &Operation,
) -> Result<(), StoreError> {
    // The operation may have outlived its request and its server. The request's id links this entry to the
    // first one.
    let author = Author { actor: Actor::System, request_id: operation.request_id.clone() };
    let (action, subject) = (operation.kind.audit_action(), Some(operation.id.to_string()));
    let outcome = AuditOutcome::of(operation.error.as_ref());
    let row = row(shared, operation.tenant_id, &author, action, subject, outcome);
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Records that an operator set a tenant's plan.
pub(super) async fn plan_set(
    db: &impl ConnectionTrait,
    shared: &Shared,
    author: &Author,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let subject = Some(tenant.to_string());
    let row = row(shared, tenant, author, "setTenantPlan", subject, AuditOutcome::Succeeded);
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Records that a text changed something about its thread: what its sender wants, or who answers. `text` is the carrier's id of it.
pub(super) async fn changed_by_text(
    db: &impl ConnectionTrait,
    shared: &Shared,
    (tenant, thread): (TenantId, ThreadId),
    action: &str,
    text: &str,
) -> Result<(), StoreError> {
    let author = Author { actor: Actor::System, request_id: text.to_owned() };
    let subject = Some(thread.to_string());
    let row = row(shared, tenant, &author, action, subject, AuditOutcome::Succeeded);
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Records that a call has come in through a kept number.
pub(super) async fn number_verified(
    db: &impl ConnectionTrait,
    shared: &Shared,
    tenant: TenantId,
    kept: KeptNumberId,
) -> Result<(), StoreError> {
    let author = Author { actor: Actor::System, request_id: "test call".to_owned() };
    let subject = Some(kept.to_string());
    let row = row(shared, tenant, &author, "verifyKeptNumber", subject, AuditOutcome::Succeeded);
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Records for each tenant that somebody outside it has read its data.
pub(super) async fn accessed(
    db: &impl ConnectionTrait,
    shared: &Shared,
    author: &Author,
    action: &str,
    tenants: impl IntoIterator<Item = TenantId>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = tenants
        .into_iter()
        .map(|tenant| row(shared, tenant, author, action, None, AuditOutcome::Accepted))
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        Entity::insert_many(rows.to_vec()).exec_without_returning(db).await?;
    }
    Ok(())
}

fn row(
    shared: &Shared,
    tenant: TenantId,
    author: &Author,
    action: &str,
    subject: Option<String>,
    outcome: AuditOutcome,
) -> ActiveModel {
    let at = shared.clock.now();
    ActiveModel {
        // From the same instant as `at`: ids are ordered by time, like the pages of the trail.
        id: Set(shared.entropy.uuid(at)),
        tenant_id: Set(tenant.0),
        actor: Set(author.actor.to_string()),
        action: Set(action.to_owned()),
        subject: Set(subject),
        outcome: Set(outcome.to_string()),
        request_id: Set(author.request_id.clone()),
        at: Set(at),
    }
}
