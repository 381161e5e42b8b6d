//! Numbers that the operator keeps ready: numbers of a tenant that stands for the operator. A number taken from there has a row of
//! its own, which says whose mark it bears at the carrier.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000022_stock"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null: the operation of the row itself. Without a foreign key, since it is an operation of another tenant.
        let column = uuid_null("marked_by");
        manager.alter_table(Table::alter().table("phone_numbers").add_column(column).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
