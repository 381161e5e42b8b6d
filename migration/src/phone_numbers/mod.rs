//! The table `phone_numbers`: one row per purchase at the carrier, kept as history after the release.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{change_mark, e164, is_postgres, mark_index, of_tenant, one_of, page_index, same_tenant};

const STATUSES: &[&str] = &["pending", "active", "inactive", "releasing", "released"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000005_phone_numbers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("phone_numbers")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(uuid("agent_id"))
            .col(uuid("operation_id"))
            .col(text("number").check(e164(manager, "number")))
            .col(text("friendly_name"))
            .col(text_null("sid"))
            .col(text("provider").check(one_of("provider", &["twilio", "elevenlabs"])))
            .col(text("kind").check(one_of("kind", &["local", "toll_free", "mobile"])))
            .col(text("status").check(one_of("status", STATUSES)))
            .col(boolean("voice"))
            .col(boolean("sms"))
            .col(boolean("mms"))
            .col(text("country").check(Expr::cust("length(country) = 2 AND country = upper(country)")))
            .col(text_null("locality"))
            .col(text_null("region"))
            .col(decimal_len("monthly_cost", 12, 4).check(Expr::cust("monthly_cost >= 0")))
            .col(json_binary("routing_rules").default("[]"))
            .col(integer("routing_version").check(Expr::col("routing_version").gte(0)))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone_null("provisioned_at"))
            .col(timestamp_with_time_zone_null("released_at"))
            .col(change_mark())
            .check(Expr::cust("(status = 'released') = (released_at IS NOT NULL)"))
            .check(Expr::cust(
                "status NOT IN ('active', 'inactive') OR (sid IS NOT NULL AND provisioned_at IS NOT NULL)",
            ))
            .foreign_key(&mut of_tenant("phone_numbers_tenant", "phone_numbers"))
            .foreign_key(&mut same_tenant("phone_numbers_agent", "phone_numbers", "agent_id", "agents"))
            .foreign_key(&mut same_tenant(
                "phone_numbers_operation",
                "phone_numbers",
                "operation_id",
                "operations",
            ))
            .take();
        manager.create_table(table).await?;
        page_index(manager, "phone_numbers", "created_at").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        mark_index(manager, "phone_numbers").await?;
        if is_postgres(manager) {
            let key =
                same_tenant("operations_phone_number", "operations", "phone_number_id", "phone_numbers");
            manager.create_foreign_key(key).await?;
        }
        let sql = if is_postgres(manager) {
            include_str!("phone_numbers.sql")
        } else {
            include_str!("phone_numbers.sqlite.sql")
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn indexes() -> [IndexCreateStatement; 4] {
    let index = |name| Index::create().name(name).table("phone_numbers").take();
    [
        index("phone_numbers_live")
            .col("number")
            .unique()
            .and_where(Expr::col("status").ne("released"))
            .take(),
        index("phone_numbers_of_agent").col("agent_id").col("created_at").col("id").take(),
        index("phone_numbers_by_time").col("created_at").take(),
        index("phone_numbers_by_country").col("country").take(),
    ]
}
