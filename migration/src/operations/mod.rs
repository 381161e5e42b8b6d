//! The table `operations`: durable work at the providers, with its leases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{is_postgres, of_tenant, on_postgres, one_of, page_index, same_tenant};

/// Kinds of operations; a test compares them with the domain's.
const KINDS: &[&str] = &[
    "create_agent",
    "provision_number",
    "release_number",
    "repair_number",
    "check_number",
    "delete_agent",
    "restore_voice_agent",
];
const STEPS: &[&str] = &[
    "create_voice_agent",
    "search_numbers",
    "claim_number",
    "buy_number",
    "release_number",
    "repair_number",
    "check_number",
    "delete_voice_agent",
    "done",
];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000004_operations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table("operations")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(text("kind").check(one_of("kind", KINDS)))
            .col(text("state").check(one_of("state", &["pending", "running", "succeeded", "failed"])))
            .col(text("step").check(one_of("step", STEPS)))
            .col(integer("attempts").check(Expr::col("attempts").gte(0)))
            .col(uuid_null("agent_id"))
            .col(uuid_null("phone_number_id"))
            .col(json_binary("data"))
            .col(json_binary_null("error"))
            .col(text_null("idempotency_key"))
            .col(text_null("input_hash"))
            .col(text("request_id"))
            .col(timestamp_with_time_zone("run_after"))
            .col(uuid_null("lease_owner"))
            .col(timestamp_with_time_zone_null("lease_until"))
            .col(big_integer("fencing_token").check(Expr::col("fencing_token").gte(0)))
            .col(timestamp_with_time_zone_null("outcome_unknown_at"))
            .col(text_null("awaited_event"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .col(timestamp_with_time_zone_null("finished_at"))
            .check(Expr::cust("(idempotency_key IS NULL) = (input_hash IS NULL)"))
            .check(Expr::cust("(lease_owner IS NULL) = (lease_until IS NULL)"))
            .check(Expr::cust("(state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL)"))
            .check(Expr::cust("awaited_event IS NULL OR state = 'running'"))
            .foreign_key(&mut of_tenant("operations_tenant", "operations"))
            .foreign_key(&mut same_tenant("operations_agent", "operations", "agent_id", "agents"))
            .take();
        if !is_postgres(manager) {
            // SQLite allows a foreign key to a table that does not exist yet, but cannot add one later; Postgres is the reverse.
            let key =
                same_tenant("operations_phone_number", "operations", "phone_number_id", "phone_numbers");
            table.foreign_key(&mut key.to_owned());
        }
        manager.create_table(table).await?;
        page_index(manager, "operations", "created_at").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("operations.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn indexes() -> [IndexCreateStatement; 4] {
    let index = |name| Index::create().name(name).table("operations").take();
    [
        index("operations_idempotency")
            .col("tenant_id")
            .col("idempotency_key")
            .unique()
            .and_where(Expr::col("idempotency_key").is_not_null())
            .take(),
        index("operations_due").col("run_after").and_where(one_of("state", &["pending", "running"])).take(),
        index("operations_of_agent").col("agent_id").take(),
        index("operations_by_event")
            .col("awaited_event")
            .and_where(Expr::col("awaited_event").is_not_null())
            .take(),
    ]
}
