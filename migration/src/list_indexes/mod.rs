//! Indexes for the lists of operations, of tenants and of the audit trail: newest first, by their filters.
//!
//! `IF NOT EXISTS`, so that a large installation can create the indexes with `CONCURRENTLY` before it migrates.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000012_list_indexes"
    }
}

/// Name, table, and the columns before the time and `id`.
const INDEXES: [(&str, &str, &[&str]); 11] = [
    ("audit_events_page_by_action", "audit_events", &["tenant_id", "action"]),
    ("audit_events_page_by_subject", "audit_events", &["tenant_id", "subject"]),
    ("operations_newest", "operations", &[]),
    ("operations_by_state", "operations", &["state"]),
    ("operations_by_kind", "operations", &["kind"]),
    ("operations_page_by_state", "operations", &["tenant_id", "state"]),
    ("operations_page_by_kind", "operations", &["tenant_id", "kind"]),
    ("operations_page_by_agent", "operations", &["tenant_id", "agent_id"]),
    ("operations_page_by_phone_number", "operations", &["tenant_id", "phone_number_id"]),
    ("tenants_newest", "tenants", &[]),
    ("tenants_by_plan", "tenants", &["plan"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, columns) in INDEXES {
            let mut index = Index::create().name(name).table(table).if_not_exists().take();
            let at = if table == "audit_events" { "at" } else { "created_at" };
            for column in columns.iter().copied().chain([at, "id"]) {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
