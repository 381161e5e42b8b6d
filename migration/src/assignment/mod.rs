//! Assignment of numbers apart from their ownership: a number may be in the tenant's pool, has a label and an origin, and may be
//! its agent's primary number.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{on_postgres, one_of};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000018_assignment"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text_null("label"),
            // Since when it is in the pool. The column `agent_id` then names the last agent.
            timestamp_with_time_zone_null("pooled_at"),
            // The latest of an agent's numbers is its primary one; without any, the oldest number is.
            timestamp_with_time_zone_null("primary_since"),
            text("origin")
                .default("purchased")
                .check(one_of("origin", &["purchased", "stock", "imported", "ported", "hosted"]))
                .take(),
        ] {
            let mut table = Table::alter();
            manager.alter_table(table.table("phone_numbers").add_column(column).take()).await?;
        }
        on_postgres(manager, include_str!("assignment.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
