//! The table `agents`: the tenants' agents.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{change_mark, e164, mark_index, of_tenant, on_postgres, one_of, page_index};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000003_agents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("agents")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(text_null("voice_agent_id").unique_key())
            .col(text("name").check(Expr::cust("length(name) BETWEEN 1 AND 100")))
            .col(text("language"))
            .col(text_null("first_message"))
            .col(text_null("prompt"))
            .col(text_null("voice_id"))
            .col(text_null("fallback_number").check(e164(manager, "fallback_number")))
            .col(text("status").check(one_of("status", &["pending", "active", "inactive", "deleted"])))
            .col(text("token_hash").unique_key().check(Expr::cust("length(token_hash) = 64")))
            .col(text("token_preview"))
            .col(integer("revision").check(Expr::col("revision").gte(0)))
            .col(integer("synced_revision").check(Expr::cust("synced_revision BETWEEN 0 AND revision")))
            .col(
                integer("refused_revision")
                    .default(0)
                    .check(Expr::cust("refused_revision BETWEEN 0 AND revision")),
            )
            .col(json_binary_null("sync_error"))
            .col(integer("sync_attempts").default(0))
            .col(timestamp_with_time_zone_null("sync_due_at"))
            .col(timestamp_with_time_zone_null("sync_lease_until"))
            .col(big_integer("sync_fencing_token").default(0))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(change_mark())
            .foreign_key(&mut of_tenant("agents_tenant", "agents"))
            .take();
        manager.create_table(table).await?;
        page_index(manager, "agents", "created_at").await?;
        let unsynced = Index::create()
            .name("agents_unsynced")
            .table("agents")
            .col("updated_at")
            .and_where(Expr::cust("revision > synced_revision"))
            .and_where(Expr::cust("revision > refused_revision"))
            .take();
        manager.create_index(unsynced).await?;
        mark_index(manager, "agents").await?;
        on_postgres(manager, include_str!("agents.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
