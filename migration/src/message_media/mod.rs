//! The table `message_media`: the files of incoming messages, and what is to be done with each.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::{of_tenant, on_postgres, one_of, same_tenant};

const STATES: &[&str] = &["pending", "stored", "refused", "failed"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000016_message_media"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(table()).await?;
        for index in indexes() {
            manager.create_index(index).await?;
        }
        on_postgres(manager, include_str!("message_media.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn table() -> TableCreateStatement {
    Table::create()
        .table("message_media")
        .col(pk_uuid("id"))
        .col(uuid("tenant_id"))
        // No foreign key: the row stays until the file is deleted, which may be after its message.
        .col(uuid("message_id"))
        // Here as well, since the message may be gone: the number says in which account the file is.
        .col(uuid("phone_number_id"))
        .col(integer("position"))
        // Where it is at the carrier.
        .col(text("url"))
        .col(text("state").check(one_of("state", STATES)))
        .col(text_null("reason"))
        .col(text_null("content_type"))
        .col(integer_null("size_bytes").check(Expr::col("size_bytes").gte(0)))
        .col(boolean("is_at_carrier").default(true))
        // When the next step is due: it is fetched, deleted at the carrier, or purged. Null if there is none. While a server works
        // on it, this is the end of the lease.
        .col(timestamp_with_time_zone_null("due_at"))
        // When its message was deleted: the file must go too.
        .col(timestamp_with_time_zone_null("purge_at"))
        .col(integer("attempts").default(0))
        .col(big_integer("fencing_token").default(0))
        .col(timestamp_with_time_zone("created_at"))
        .check(Expr::cust("(state = 'stored') = (size_bytes IS NOT NULL)"))
        .check(Expr::cust("(state IN ('refused', 'failed')) = (reason IS NOT NULL)"))
        .foreign_key(&mut of_tenant("message_media_tenant", "message_media"))
        .foreign_key(&mut same_tenant(
            "message_media_phone_number",
            "message_media",
            "phone_number_id",
            "phone_numbers",
        ))
        .take()
}

fn indexes() -> [IndexCreateStatement; 4] {
    let index = |name| Index::create().name(name).table("message_media").take();
    [
        index("message_media_of_message").col("message_id").col("position").unique().take(),
        index("message_media_of_tenant").col("tenant_id").col("id").unique().take(),
        index("message_media_due").col("due_at").and_where(Expr::col("due_at").is_not_null()).take(),
        index("message_media_to_purge")
            .col("purge_at")
            .and_where(Expr::col("purge_at").is_not_null().and(Expr::col("due_at").is_null()))
            .take(),
    ]
}
