//! The table `calls`: calls to the tenants' numbers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{e164, of_tenant, on_postgres, one_of, page_index, same_tenant};

const STATUSES: &[&str] = &["ringing", "in_progress", "completed", "busy", "failed", "no_answer", "canceled"];
const OUTCOMES: &[&str] = &["agent", "fallback", "busy", "unavailable", "rejected"];

const ANSWER_STAGES: &[&str] = &["first", "after_failure", "after_forward", "after_dial"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000006_calls"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("calls")
            .col(pk_uuid("id"))
            .col(uuid("tenant_id"))
            .col(uuid("agent_id"))
            .col(uuid("phone_number_id"))
            .col(text("sid").unique_key())
            .col(text("direction").check(one_of("direction", &["inbound", "outbound"])))
            .col(text("caller"))
            .col(text_null("caller_attestation"))
            .col(text("called").check(e164(manager, "called")))
            .col(text("status").check(one_of("status", STATUSES)))
            .col(text("outcome").check(one_of("outcome", OUTCOMES)))
            .col(boolean("admitted"))
            .col(json_binary("decision"))
            .col(text_null("conversation_id"))
            .col(timestamp_with_time_zone_null("conversation_due_at"))
            .col(json_binary_null("answer"))
            .col(text_null("answer_stage").check(one_of("answer_stage", ANSWER_STAGES)))
            .col(timestamp_with_time_zone_null("answered_at"))
            .col(uuid_null("answering_by"))
            .col(timestamp_with_time_zone_null("answering_until"))
            .col(integer_null("duration_seconds").check(Expr::col("duration_seconds").gte(0)))
            .col(integer_null("conversation_seconds").check(Expr::col("conversation_seconds").gte(0)))
            .col(big_integer("sequence").check(Expr::col("sequence").gte(0)))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .check(Expr::cust("(answer IS NULL) = (answer_stage IS NULL)"))
            .check(Expr::cust("(answer IS NULL) = (answered_at IS NULL)"))
            .check(Expr::cust("(status IN ('ringing', 'in_progress')) = (ended_at IS NULL)"))
            .foreign_key(&mut of_tenant("calls_tenant", "calls"))
            .foreign_key(&mut same_tenant("calls_agent", "calls", "agent_id", "agents"))
            .foreign_key(&mut same_tenant("calls_phone_number", "calls", "phone_number_id", "phone_numbers"))
            .take();
        manager.create_table(table).await?;
        page_index(manager, "calls", "started_at").await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("calls.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn indexes() -> [IndexCreateStatement; 7] {
    let index = |name| Index::create().name(name).table("calls").take();
    [
        index("calls_live")
            .col("tenant_id")
            .col("started_at")
            .col("id")
            .and_where(one_of("status", &["ringing", "in_progress"]))
            .take(),
        index("calls_of_agent").col("agent_id").col("started_at").col("id").take(),
        index("calls_of_phone_number").col("phone_number_id").col("started_at").col("id").take(),
        index("calls_unsuccessful")
            .col("tenant_id")
            .col("status")
            .col("started_at")
            .col("id")
            .and_where(unsuccessful())
            .take(),
        index("calls_by_conversation")
            .col("conversation_id")
            .and_where(Expr::col("conversation_id").is_not_null())
            .take(),
        index("calls_untold")
            .col("conversation_due_at")
            .and_where(Expr::col("conversation_due_at").is_not_null())
            .take(),
        index("calls_by_end").col("ended_at").and_where(Expr::col("ended_at").is_not_null()).take(),
    ]
}

/// A condition for calls that ended without an answer. It uses `OR` instead of `IN`, because SQLite can derive the `OR` from
/// `status = 'busy'` and then uses a partial index.
fn unsuccessful() -> Expr {
    let is = |status| Expr::col("status").eq(status);
    is("busy").or(is("failed")).or(is("no_answer")).or(is("canceled"))
}
