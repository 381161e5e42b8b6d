//! The table `tenants`: tenants and the limits of their plans.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::on_postgres;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000002_tenants"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("tenants")
            .col(pk_uuid("id"))
            .col(text("plan"))
            .col(integer("concurrent_calls").check(Expr::col("concurrent_calls").between(0, 65_535)))
            .col(integer("phone_numbers").check(Expr::col("phone_numbers").between(0, 65_535)))
            // Null means that the platform's setting applies.
            .col(text_null("dial_countries"))
            .col(boolean_null("dial_premium"))
            .col(timestamp_with_time_zone("created_at"))
            .take();
        manager.create_table(table).await?;
        let has_own = Expr::col("dial_countries").is_not_null().or(Expr::col("dial_premium").is_not_null());
        let own =
            Index::create().name("tenants_dialing").table("tenants").col("id").and_where(has_own).take();
        manager.create_index(own).await?;
        on_postgres(manager, include_str!("tenants.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
