//! Rate buckets: how often each caller has asked all servers together in the last minute. Only several servers on one Postgres
//! share them.

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
