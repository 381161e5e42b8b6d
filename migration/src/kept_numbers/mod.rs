//! The table `kept_numbers`: numbers of other carriers that tenants keep, by forwarding and by a port. Operations may keep and port
//! a number.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{e164, of_tenant, on_postgres, one_of, page_index, same_tenant, widen};

/// Kinds of operations that are new; a test compares all with the domain's.
const KINDS: &[&str] = &["keep_number", "port_number"];
const STEPS: &[&str] = &[
    "check_portability",
    "upload_bill",
    "request_port",
    "create_address",
    "follow_port",
    "cut_over",
    "register_address",
];
const STATES: &[&str] = &[
    "forwarding",
    "verified",
    "port_requested",
    "waiting_for_signature",
    "port_in_progress",
    "port_date_set",
    "cut_over",
    "done",
    "rejected",
    "canceled",
    "expired",
];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000023_kept_numbers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, "operations", "kind", KINDS).await?;
        widen(manager, "operations", "step", STEPS).await?;
        manager.create_table(table(manager)).await?;
        page_index(manager, "kept_numbers", "created_at").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("kept_numbers.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn table(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table("kept_numbers")
        .col(pk_uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("agent_id"))
        // The number that the tenant has at another carrier.
        .col(text("number").check(e164(manager, "number")))
        .col(text("state").check(one_of("state", STATES)))
        // The operation that provides the target.
        .col(uuid("operation_id"))
        // The number that calls are forwarded to; null until it is bought.
        .col(uuid_null("phone_number_id"))
        // The latest port.
        .col(uuid_null("port_operation_id"))
        .col(text_null("port_sid"))
        .col(text_null("carrier_status"))
        .col(timestamp_with_time_zone_null("port_date"))
        .col(text_null("signature_url"))
        .col(text_null("detail"))
        // A test call that was announced.
        .col(text_null("test_caller"))
        .col(timestamp_with_time_zone_null("test_from"))
        .col(timestamp_with_time_zone_null("test_until"))
        .col(boolean("is_cancel_wanted").default(false))
        // Personal data and the bill for a port: null again once the carrier has them.
        .col(json_binary_null("port_order"))
        .col(binary_null("bill"))
        .col(text_null("bill_type"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .check(Expr::cust("(bill IS NULL) = (bill_type IS NULL)"))
        .foreign_key(&mut of_tenant("kept_numbers_tenant", "kept_numbers"))
        .foreign_key(&mut same_tenant("kept_numbers_agent", "kept_numbers", "agent_id", "agents"))
        .foreign_key(&mut same_tenant("kept_numbers_operation", "kept_numbers", "operation_id", "operations"))
        .foreign_key(&mut same_tenant("kept_numbers_port", "kept_numbers", "port_operation_id", "operations"))
        .foreign_key(&mut same_tenant(
            "kept_numbers_phone_number",
            "kept_numbers",
            "phone_number_id",
            "phone_numbers",
        ))
        .take()
}

fn indexes() -> [IndexCreateStatement; 5] {
    let index = |name| Index::create().name(name).table("kept_numbers").take();
    [
        // One record at a time keeps a number for a tenant.
        index("kept_numbers_once")
            .col("tenant_id")
            .col("number")
            .unique()
            .and_where(Expr::col("state").is_not_in(["done", "canceled", "expired"]))
            .take(),
        index("kept_numbers_of_operation").col("operation_id").take(),
        index("kept_numbers_of_port").col("port_operation_id").take(),
        index("kept_numbers_of_phone_number").col("phone_number_id").take(),
        index("kept_numbers_tested")
            .col("test_until")
            .and_where(Expr::col("test_until").is_not_null())
            .take(),
    ]
}
