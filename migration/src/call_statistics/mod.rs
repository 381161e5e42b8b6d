//! The tables `call_statistics`: calls by outcome and quarter hour, and `call_statistics_progress`: until when calls are counted
//! there. A worker counts them half an hour after their start, so that a call costs nothing while it is answered. Triggers on
//! `calls` keep the counts true afterwards, so that no code path can miss a late call or change, and statistics survive the
//! deletion of a call. Calls that are older than this migration are counted by the same worker.

use sea_orm_migration::prelude::*;

use crate::is_postgres;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000013_call_statistics"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = if is_postgres(manager) {
            include_str!("call_statistics.sql")
        } else {
            include_str!("call_statistics.sqlite.sql")
        };
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
