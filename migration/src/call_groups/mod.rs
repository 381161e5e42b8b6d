//! The tables `call_groups` and `call_group_members`: agents that answer the calls to a number together.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{is_postgres, of_tenant, on_postgres, one_of, page_index, same_tenant};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000021_call_groups"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let groups = Table::create()
            .table("call_groups")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(text("name"))
            .col(text("strategy").check(one_of("strategy", &["weighted", "overflow"])))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(integer("version").check(Expr::col("version").gte(1)))
            .foreign_key(&mut of_tenant("call_groups_tenant", "call_groups"))
            .take();
        manager.create_table(groups).await?;
        page_index(manager, "call_groups", "created_at").await?;
        let members = Table::create()
            .table("call_group_members")
            .col(uuid("call_group_id"))
            .col(uuid("agent_id"))
            .col(uuid("tenant_id"))
            // The order in which members are offered a call that overflows.
            .col(integer("position").check(Expr::col("position").gte(0)))
            .col(integer("weight").check(Expr::col("weight").between(1, 1000)))
            // Null: no limit but the plan's.
            .col(integer_null("max_calls").check(Expr::col("max_calls").between(1, 50)))
            .primary_key(Index::create().col("call_group_id").col("agent_id"))
            .foreign_key(&mut of_tenant("call_group_members_tenant", "call_group_members"))
            .foreign_key(
                same_tenant("call_group_members_group", "call_group_members", "call_group_id", "call_groups")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .foreign_key(&mut same_tenant(
                "call_group_members_agent",
                "call_group_members",
                "agent_id",
                "agents",
            ))
            .take();
        manager.create_table(members).await?;
        let of_agent = Index::create()
            .name("call_group_members_of_agent")
            .table("call_group_members")
            .col("agent_id")
            .take();
        manager.create_index(of_agent).await?;
        // A number in a group is in no agent's hands: `pooled_at` is set as well.
        let column = uuid_null("call_group_id");
        manager.alter_table(Table::alter().table("phone_numbers").add_column(column).take()).await?;
        let of_group = Index::create()
            .name("phone_numbers_of_call_group")
            .table("phone_numbers")
            .col("call_group_id")
            .if_not_exists()
            .take();
        manager.create_index(of_group).await?;
        if is_postgres(manager) {
            let key =
                same_tenant("phone_numbers_call_group", "phone_numbers", "call_group_id", "call_groups");
            manager.create_foreign_key(key).await?;
        }
        on_postgres(manager, include_str!("call_groups.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
