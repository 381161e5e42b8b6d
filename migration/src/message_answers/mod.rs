//! Answers to texts: which texts wait for one, who works on it, and which texts were written by the agent. Columns of `messages` and
//! `message_threads`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{on_postgres, one_of};

/// Who answers by itself; a test compares them with the domain's.
const ANSWERS: &[&str] = &["agent", "help_text"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000015_message_answers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [
            // Whether somebody set the handling. If nobody did, it follows the agent's setting.
            ("message_threads", boolean("handling_set").default(false).take()),
            // When the next attempt is due, or the lease of the present one ends; null: nothing waits.
            ("message_threads", timestamp_with_time_zone_null("answer_due_at").take()),
            // When a person is to answer instead.
            ("message_threads", timestamp_with_time_zone_null("answer_deadline_at").take()),
            ("message_threads", uuid_null("answer_lease").take()),
            ("message_threads", integer("answer_attempts").default(0).take()),
            // Of a text that came in: who is to answer it; null: nobody, or it was answered.
            ("messages", text_null("awaits_answer").check(one_of("awaits_answer", ANSWERS)).take()),
            // Of a text that was sent: who wrote it; null: a user of the API.
            ("messages", text_null("automatic_answer").check(one_of("automatic_answer", ANSWERS)).take()),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        for index in [
            Index::create()
                .name("message_threads_answers_due")
                .table("message_threads")
                .col("answer_due_at")
                .and_where(Expr::col("answer_due_at").is_not_null())
                .take(),
            Index::create()
                .name("messages_awaiting_answer")
                .table("messages")
                .col("thread_id")
                .col("created_at")
                .and_where(Expr::col("awaits_answer").is_not_null())
                .take(),
        ] {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("message_answers.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
