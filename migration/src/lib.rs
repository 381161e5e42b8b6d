//! Switchboard's database: one set of migrations for Postgres (15 or later) and SQLite.
//!
//! A folder a table: `mod.rs` builds it on either database, the SQL beside it fences it in on Postgres and
//! adds its triggers on either.
//! There a table's rows are seen through two roles only: `switchboard_tenant`, which sees the rows of the
//! tenant in `request.jwt.claims`, and `switchboard_system`, which sees all. The login role owns the tables
//! and sees nothing. SQLite has no roles: there the application's own filter is the wall.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the migration trait hides the lifetime; written out, its macro does not match"
)]

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// The framework, for who runs the migrations.
pub use sea_orm_migration;

mod agents;
mod audit_events;
mod call_totals;
mod calls;
mod operations;
mod phone_numbers;
mod rate_buckets;
mod reconciliations;
mod roles;
mod tenants;
mod voice_events;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(roles::Migration),
            Box::new(tenants::Migration),
            Box::new(agents::Migration),
            Box::new(operations::Migration),
            Box::new(phone_numbers::Migration),
            Box::new(calls::Migration),
            Box::new(audit_events::Migration),
            Box::new(reconciliations::Migration),
            Box::new(voice_events::Migration),
            Box::new(call_totals::Migration),
            Box::new(rate_buckets::Migration),
        ]
    }
}

fn is_postgres(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Postgres
}

/// Runs the policies and grants of a table; they exist on Postgres only.
async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if is_postgres(manager) {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// The words a column may hold.
fn one_of(column: &'static str, words: &[&'static str]) -> Expr {
    Expr::col(column).is_in(words.iter().copied())
}

/// The column is null or a canonical E.164 number: `+`, then 7 to 15 digits, the first of them not 0.
fn e164(manager: &SchemaManager<'_>, column: &'static str) -> Expr {
    Expr::cust(if is_postgres(manager) {
        format!("{column} ~ '^\\+[1-9][0-9]{{6,14}}$'")
    } else {
        format!(
            "{column} GLOB '+[1-9]*' AND length({column}) BETWEEN 8 AND 16 AND substr({column}, 2) NOT GLOB '*[^0-9]*'"
        )
    })
}

/// A foreign key on `(tenant_id, column)`: what a row points at is the same tenant's.
fn same_tenant(
    name: &'static str,
    from: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(name).from(from, ("tenant_id", column)).to(to, ("tenant_id", "id")).take()
}

/// A foreign key on the tenant itself.
fn of_tenant(name: &'static str, from: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(name).from(from, "tenant_id").to("tenants", "id").take()
}

/// The index behind a table's pages (newest first within a tenant), and the one that foreign keys on the pair need.
async fn page_index(manager: &SchemaManager<'_>, table: &'static str, at: &'static str) -> Result<(), DbErr> {
    let name = format!("{table}_page");
    let index = Index::create().name(name).table(table).col("tenant_id").col(at).col("id").take();
    manager.create_index(index).await?;
    let name = format!("{table}_of_tenant");
    manager
        .create_index(Index::create().name(name).table(table).col("tenant_id").col("id").unique().take())
        .await
}

/// The change mark: triggers set it whenever a row is written, so that readers find what changed since they last read.
fn change_mark() -> ColumnDef {
    ColumnDef::new("changed").big_integer().not_null().default(0).take()
}

/// The index by which changed rows are found.
async fn mark_index(manager: &SchemaManager<'_>, table: &'static str) -> Result<(), DbErr> {
    let index = Index::create().name(format!("{table}_changed")).table(table).col("changed").col("id").take();
    manager.create_index(index).await
}
