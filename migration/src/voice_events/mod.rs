//! The table `voice_events`: events of the voice provider, stored on arrival and processed afterwards. An event has no tenant
//! until its call is found.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{of_tenant, on_postgres, one_of, same_tenant};

const KINDS: &[&str] = &["post_call_transcription", "call_initiation_failure"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000009_voice_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut of_call = same_tenant("voice_events_call", "voice_events", "call_id", "calls")
            .on_delete(ForeignKeyAction::Cascade)
            .take();
        let table = Table::create()
            .table("voice_events")
            .col(pk_uuid("id"))
            .col(uuid_null("tenant_id"))
            .col(uuid_null("call_id"))
            .col(text("kind").check(one_of("kind", KINDS)))
            .col(text("conversation_id"))
            .col(text_null("call_sid"))
            .col(text_null("failed"))
            .col(integer_null("duration_seconds").check(Expr::col("duration_seconds").gte(0)))
            .col(json_binary_null("transcript"))
            .col(timestamp_with_time_zone("at"))
            .col(timestamp_with_time_zone("accepted_at"))
            .col(timestamp_with_time_zone_null("due_at"))
            .check(Expr::cust("(tenant_id IS NULL) = (call_id IS NULL)"))
            .foreign_key(&mut of_tenant("voice_events_tenant", "voice_events"))
            .foreign_key(&mut of_call)
            .take();
        manager.create_table(table).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("voice_events.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn indexes() -> [IndexCreateStatement; 4] {
    let index = |name| Index::create().name(name).table("voice_events").take();
    [
        // The provider repeats events, and its events have no id of their own.
        index("voice_events_once").col("kind").col("conversation_id").unique().take(),
        index("voice_events_due").col("due_at").and_where(Expr::col("due_at").is_not_null()).take(),
        index("voice_events_of_call").col("tenant_id").col("call_id").take(),
        index("voice_events_by_time").col("accepted_at").take(),
    ]
}
