//! The table `call_totals`: running totals of calls. Triggers on `calls` maintain them, so that no code path can miss an update
//! and usage survives the deletion of a call.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{is_postgres, of_tenant, same_tenant};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000010_call_totals"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No CHECK on the counts: a wrong total must not reject a call.
        let table = Table::create()
            .table("call_totals")
            .col(uuid("tenant_id"))
            .col(date("day"))
            .col(uuid("phone_number_id"))
            .col(uuid("agent_id"))
            .col(big_integer("calls"))
            .col(big_integer("minutes"))
            .col(big_integer("kept"))
            // A month of a tenant is one index range.
            .primary_key(Index::create().col("tenant_id").col("day").col("phone_number_id").col("agent_id"))
            .foreign_key(&mut of_tenant("call_totals_tenant", "call_totals"))
            .foreign_key(&mut same_tenant("call_totals_agent", "call_totals", "agent_id", "agents"))
            .foreign_key(&mut same_tenant(
                "call_totals_phone_number",
                "call_totals",
                "phone_number_id",
                "phone_numbers",
            ))
            .take();
        manager.create_table(table).await?;
        let sql = if is_postgres(manager) {
            include_str!("call_totals.sql")
        } else {
            include_str!("call_totals.sqlite.sql")
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
