//! Import of numbers that the carrier account holds already: what was set on a number before, and the kinds of operations that take
//! it over and give it up.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::*;

use crate::widen;

/// Kinds of operations that are new; a test compares all with the domain's.
const KINDS: &[&str] = &["import_number", "restore_number"];
const STEPS: &[&str] = &["record_number", "point_number", "restore_settings"];

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000024_imports"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager, "operations", "kind", KINDS).await?;
        widen(manager, "operations", "step", STEPS).await?;
        // The carrier's settings of an imported number before the import; null for others.
        let column = json_binary_null("former_settings");
        manager.alter_table(Table::alter().table("phone_numbers").add_column(column).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
