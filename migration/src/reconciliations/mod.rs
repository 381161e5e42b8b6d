//! The table `reconciliations`: comparisons of the providers' inventories with the database, with their leases and reports.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::on_postgres;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000008_reconciliations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("reconciliations")
            .col(pk_uuid("id"))
            .col(uuid("owner"))
            .col(timestamp_with_time_zone("lease_until"))
            .col(timestamp_with_time_zone("started_at"))
            .col(timestamp_with_time_zone_null("finished_at"))
            .col(json_binary_null("report"))
            .check(Expr::cust("(finished_at IS NULL) = (report IS NULL)"))
            .take();
        manager.create_table(table).await?;
        let by_time =
            Index::create().name("reconciliations_by_time").table("reconciliations").col("started_at").take();
        manager.create_index(by_time).await?;
        on_postgres(manager, include_str!("reconciliations.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
