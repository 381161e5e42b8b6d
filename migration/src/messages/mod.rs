//! The tables `message_threads`, `messages` and `messaging_consents`: texts to and from the tenants' numbers. Operations may send
//! a message, agents say what is done with texts, and plans limit how many are sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{e164, of_tenant, on_postgres, one_of, page_index, same_tenant, widen};

/// Kinds of operations that are new; a test compares all with the domain's.
const KINDS: &[&str] = &["send_message"];
const STEPS: &[&str] = &["send_message"];
const HANDLINGS: &[&str] = &["agent", "person", "nobody", "waiting_for_person"];
const STATUSES: &[&str] =
    &["received", "pending", "queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled"];
const CONSENTS: &[&str] = &["implied", "opted_in", "opted_out"];
const MESSAGING: &[&str] = &["off", "notify", "agent"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000014_messages"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, "operations", "kind", KINDS).await?;
        widen(manager, "operations", "step", STEPS).await?;
        for (table, column) in [
            ("agents", text("messaging").default("notify").check(one_of("messaging", MESSAGING)).take()),
            ("agents", text_null("help_text").take()),
            (
                "tenants",
                integer("messages_per_day")
                    .default(1000)
                    .check(Expr::col("messages_per_day").between(0, 1_000_000))
                    .take(),
            ),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.create_table(threads()).await?;
        page_index(manager, "message_threads", "updated_at").await?;
        manager.create_table(messages(manager)).await?;
        page_index(manager, "messages", "created_at").await?;
        manager.create_table(consents()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("messages.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn threads() -> TableCreateStatement {
    Table::create()
        .table("message_threads")
        .col(pk_uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("phone_number_id"))
        .col(text("participant"))
        .col(text("handling").check(one_of("handling", HANDLINGS)))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut of_tenant("message_threads_tenant", "message_threads"))
        .foreign_key(&mut same_tenant(
            "message_threads_phone_number",
            "message_threads",
            "phone_number_id",
            "phone_numbers",
        ))
        .take()
}

fn messages(manager: &SchemaManager<'_>) -> TableCreateStatement {
    Table::create()
        .table("messages")
        .col(pk_uuid("id"))
        .col(uuid("tenant_id"))
        .col(uuid("thread_id"))
        .col(uuid("phone_number_id"))
        .col(uuid("agent_id"))
        // Null for what came in.
        .col(uuid_null("operation_id").unique_key())
        // Null until the carrier has it.
        .col(text_null("sid").unique_key())
        .col(text("direction").check(one_of("direction", &["inbound", "outbound"])))
        .col(text("number").check(e164(manager, "number")))
        .col(text("participant"))
        // Null once it was deleted.
        .col(text_null("body"))
        .col(json_binary("media"))
        .col(text("status").check(one_of("status", STATUSES)))
        .col(json_binary_null("error"))
        .col(integer_null("segments").check(Expr::col("segments").gte(0)))
        .col(decimal_len_null("price", 12, 5))
        // Null once nothing more is expected of the carrier.
        .col(timestamp_with_time_zone_null("check_due_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("sent_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .check(Expr::cust("(direction = 'inbound') = (operation_id IS NULL)"))
        .check(Expr::cust("(direction = 'inbound') = (status = 'received')"))
        .foreign_key(&mut of_tenant("messages_tenant", "messages"))
        .foreign_key(&mut same_tenant("messages_thread", "messages", "thread_id", "message_threads"))
        .foreign_key(&mut same_tenant(
            "messages_phone_number",
            "messages",
            "phone_number_id",
            "phone_numbers",
        ))
        .foreign_key(&mut same_tenant("messages_agent", "messages", "agent_id", "agents"))
        .foreign_key(&mut same_tenant("messages_operation", "messages", "operation_id", "operations"))
        .take()
}

fn consents() -> TableCreateStatement {
    Table::create()
        .table("messaging_consents")
        .col(uuid("tenant_id"))
        .col(text("participant"))
        .col(text("consent").check(one_of("consent", CONSENTS)))
        .col(timestamp_with_time_zone("changed_at"))
        .primary_key(Index::create().col("tenant_id").col("participant"))
        .foreign_key(&mut of_tenant("messaging_consents_tenant", "messaging_consents"))
        .take()
}

fn indexes() -> [IndexCreateStatement; 7] {
    let threads = |name| Index::create().name(name).table("message_threads").take();
    let messages = |name| Index::create().name(name).table("messages").take();
    [
        threads("message_threads_of_phone_number").col("phone_number_id").col("participant").unique().take(),
        threads("message_threads_of_participant").col("tenant_id").col("participant").take(),
        threads("message_threads_waiting")
            .col("tenant_id")
            .col("handling")
            .col("updated_at")
            .col("id")
            .take(),
        messages("messages_of_thread").col("thread_id").col("created_at").col("id").take(),
        messages("messages_of_phone_number").col("phone_number_id").col("created_at").col("id").take(),
        messages("messages_of_agent").col("agent_id").col("created_at").col("id").take(),
        messages("messages_unsettled")
            .col("check_due_at")
            .and_where(Expr::col("check_due_at").is_not_null())
            .take(),
    ]
}
