//! The two database roles, and the function that returns the tenant of a transaction (`auth.uid()`, as on Supabase).

use sea_orm_migration::prelude::*;

use crate::on_postgres;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261127_000001_roles"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, include_str!("roles.sql")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
