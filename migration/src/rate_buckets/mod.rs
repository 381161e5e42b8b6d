//! The table `rate_buckets`: requests of each API client to all servers in the last minute. Used only by several servers that
//! share one Postgres.

use sea_orm_migration::prelude::*;

use crate::on_postgres;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000011_rate_buckets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, include_str!("rate_buckets.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
