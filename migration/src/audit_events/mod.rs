//! The table `audit_events`: the audit trail.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{is_postgres, of_tenant, page_index};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000007_audit_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("audit_events")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(text("actor"))
            .col(text("action"))
            .col(text_null("subject"))
            .col(text("outcome"))
            .col(text("request_id"))
            .col(timestamp_with_time_zone("at"))
            .foreign_key(&mut of_tenant("audit_events_tenant", "audit_events"))
            .take();
        manager.create_table(table).await?;
        page_index(manager, "audit_events", "at").await?;
        let sql = if is_postgres(manager) {
            include_str!("audit_events.sql")
        } else {
            include_str!("audit_events.sqlite.sql")
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
