//! The table `message_totals`: running totals of texts, which triggers on `messages` maintain, so that usage survives the deletion
//! of a message. The table `messaging_registrations`: what each number may send, as the carrier told last. Messages get the
//! position among those that their tenant sent, and the time from which their body is deleted at the carrier.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{is_postgres, of_tenant, one_of, same_tenant};

const STATUSES: &[&str] = &["ready", "unregistered", "pending", "rejected", "unsupported", "unknown"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000017_message_usage"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            // Position among the messages that the tenant asked to send; null for what came in.
            big_integer_null("nth").take(),
            // Null once the body was deleted at the carrier.
            timestamp_with_time_zone_null("redaction_due_at").take(),
        ] {
            manager.alter_table(Table::alter().table("messages").add_column(column).take()).await?;
        }
        manager.create_table(totals()).await?;
        manager.create_table(registrations()).await?;
        let checks = Table::create()
            .table("registration_checks")
            // One row: the servers share one check.
            .col(pk_integer_of_one())
            .col(timestamp_with_time_zone("due_at"))
            .col(timestamp_with_time_zone_null("checked_at"))
            .take();
        manager.create_table(checks).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let sql = if is_postgres(manager) {
            include_str!("message_usage.sql")
        } else {
            include_str!("message_usage.sqlite.sql")
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn pk_integer_of_one() -> ColumnDef {
    ColumnDef::new("id").integer().not_null().primary_key().check(Expr::col("id").eq(1)).take()
}

/// No CHECK on the counts: a wrong total must not reject a message.
fn totals() -> TableCreateStatement {
    Table::create()
        .table("message_totals")
        .col(uuid("tenant_id"))
        .col(date("day"))
        .col(uuid("phone_number_id"))
        .col(uuid("agent_id"))
        .col(big_integer("messages"))
        .col(big_integer("segments"))
        // What the carrier charged, in hundred-thousandths of a US dollar: sums of whole numbers are exact on both databases.
        .col(big_integer("charged"))
        // Segments of messages whose price the carrier has not told yet.
        .col(big_integer("unpriced_segments"))
        // A month of a tenant is one index range.
        .primary_key(Index::create().col("tenant_id").col("day").col("phone_number_id").col("agent_id"))
        .foreign_key(&mut of_tenant("message_totals_tenant", "message_totals"))
        .foreign_key(&mut same_tenant("message_totals_agent", "message_totals", "agent_id", "agents"))
        .foreign_key(&mut same_tenant(
            "message_totals_phone_number",
            "message_totals",
            "phone_number_id",
            "phone_numbers",
        ))
        .take()
}

/// Not columns of `phone_numbers`: every change of a number is told to all servers, which cache numbers.
fn registrations() -> TableCreateStatement {
    Table::create()
        .table("messaging_registrations")
        .col(pk_uuid("phone_number_id"))
        .col(uuid("tenant_id"))
        .col(text("status").check(one_of("status", STATUSES)))
        // Why the status is not "ready", in words.
        .col(text_null("reason"))
        // Why texts to the number do not reach this server, whatever its own settings say.
        .col(text_null("misdirected"))
        .col(timestamp_with_time_zone("checked_at"))
        .foreign_key(&mut of_tenant("messaging_registrations_tenant", "messaging_registrations"))
        .foreign_key(&mut same_tenant(
            "messaging_registrations_phone_number",
            "messaging_registrations",
            "phone_number_id",
            "phone_numbers",
        ))
        .take()
}

fn indexes() -> [IndexCreateStatement; 5] {
    let messages = |name| Index::create().name(name).table("messages").take();
    [
        messages("messages_sent_nth")
            .col("tenant_id")
            .col("nth")
            .and_where(Expr::col("nth").is_not_null())
            .take(),
        messages("messages_sent_to")
            .col("tenant_id")
            .col("participant")
            .col("created_at")
            .and_where(Expr::col("nth").is_not_null())
            .take(),
        messages("messages_by_time").col("created_at").take(),
        messages("messages_unredacted")
            .col("redaction_due_at")
            .and_where(Expr::col("redaction_due_at").is_not_null())
            .take(),
        Index::create().name("message_threads_by_time").table("message_threads").col("updated_at").take(),
    ]
}
