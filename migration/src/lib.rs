//! The database schema of Switchboard: one set of migrations for Postgres (15 or later) and SQLite.
//!
//! Each table has a folder: `mod.rs` creates the table on both databases, and the SQL files add its policies and grants on
//! Postgres and its triggers on both.
//! On Postgres, only two roles see rows: `switchboard_tenant` sees the rows of the tenant in `request.jwt.claims`, and
//! `switchboard_system` sees all. The login role owns the tables and sees no rows. SQLite has no roles; there only the
//! application's filters isolate tenants.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the migration trait hides the lifetime; written out, its macro does not match"
)]

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

/// The migration framework, for callers that run the migrations.
pub use sea_orm_migration;

mod agents;
mod assignment;
mod audit_events;
mod call_groups;
mod call_statistics;
mod call_totals;
mod calls;
mod carrier_accounts;
mod imports;
mod kept_numbers;
mod list_indexes;
mod message_answers;
mod message_media;
mod message_usage;
mod messages;
mod operations;
mod phone_numbers;
mod rate_buckets;
mod reconciliations;
mod roles;
mod stock;
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
            Box::new(list_indexes::Migration),
            Box::new(call_statistics::Migration),
            Box::new(messages::Migration),
            Box::new(message_answers::Migration),
            Box::new(message_media::Migration),
            Box::new(message_usage::Migration),
            Box::new(assignment::Migration),
            Box::new(carrier_accounts::Migration),
            Box::new(call_groups::Migration),
            Box::new(stock::Migration),
            Box::new(kept_numbers::Migration),
            Box::new(imports::Migration),
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

/// A check that a column holds one of these words.
fn one_of(column: &'static str, words: &[&'static str]) -> Expr {
    Expr::col(column).is_in(words.iter().copied())
}

/// Lets a column hold these words too, beside those that its check, made with [`one_of`], has admitted so far.
async fn widen(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
    added: &[&'static str],
) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let missing = || DbErr::Custom(format!("the check of {table}.{column} was not found"));
    let read = async |sql: String| {
        let query = Statement::from_string(manager.get_database_backend(), sql);
        db.query_one_raw(query).await?.ok_or_else(missing)
    };
    let name = format!("{table}_{column}_check");
    if is_postgres(manager) {
        let sql = format!(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{name}' AND conrelid = '{table}'::regclass"
        );
        let former: String = read(sql).await?.try_get_by_index(0)?;
        let check = check_with(column, &former, added);
        // No row is read under the lock: what the former check admitted, the wider one admits too.
        let sql =
            format!("ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {check} NOT VALID");
        db.execute_unprepared(&sql).await?;
        return Ok(());
    }
    // SQLite changes a check only together with the whole table, or so, which its documentation recommends for constraints
    // that leave the stored rows valid: https://www.sqlite.org/lang_altertable.html#otheralter
    let sql = format!("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = '{table}'");
    let table_sql: String = read(sql).await?.try_get_by_index(0)?;
    let begin = table_sql.find(&format!("CHECK (\"{column}\" IN (")).ok_or_else(missing)?;
    let end = table_sql.get(begin..).and_then(|rest| rest.find("))")).ok_or_else(missing)? + begin + 2;
    let check = check_with(column, &table_sql[begin..end], added);
    let widened = format!("{}{check}{}", &table_sql[..begin], &table_sql[end..]);
    let version: i64 = read("PRAGMA schema_version".to_owned()).await?.try_get_by_index(0)?;
    db.execute_unprepared("PRAGMA writable_schema = ON").await?;
    let update = "UPDATE sqlite_schema SET sql = $1 WHERE type = 'table' AND name = $2";
    db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, update, [widened.into(), table.into()]))
        .await?;
    // Every connection reads the schema again when its version has changed.
    db.execute_unprepared(&format!("PRAGMA schema_version = {}; PRAGMA writable_schema = OFF", version + 1))
        .await?;
    Ok(())
}

/// A check that admits the words of a former one and these.
fn check_with(column: &str, former: &str, added: &[&str]) -> String {
    // The words stand between quotes, and contain none.
    let former = former.split('\'').skip(1).step_by(2);
    let words: Vec<String> = former.chain(added.iter().copied()).map(|word| format!("'{word}'")).collect();
    format!("CHECK (\"{column}\" IN ({}))", words.join(", "))
}

/// A check that a column is null or a canonical E.164 number: `+`, then 7 to 15 digits without a leading 0.
fn e164(manager: &SchemaManager<'_>, column: &'static str) -> Expr {
    Expr::cust(if is_postgres(manager) {
        format!("{column} ~ '^\\+[1-9][0-9]{{6,14}}$'")
    } else {
        format!(
            "{column} GLOB '+[1-9]*' AND length({column}) BETWEEN 8 AND 16 AND substr({column}, 2) NOT GLOB '*[^0-9]*'"
        )
    })
}

/// A foreign key on `(tenant_id, column)`, so that a row only refers to rows of its own tenant.
fn same_tenant(
    name: &'static str,
    from: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(name).from(from, ("tenant_id", column)).to(to, ("tenant_id", "id")).take()
}

/// A foreign key on `tenant_id`.
fn of_tenant(name: &'static str, from: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().name(name).from(from, "tenant_id").to("tenants", "id").take()
}

/// Two indexes: one for the pages of a table (newest first within a tenant), one for foreign keys on `(tenant_id, id)`.
async fn page_index(manager: &SchemaManager<'_>, table: &'static str, at: &'static str) -> Result<(), DbErr> {
    let name = format!("{table}_page");
    let index = Index::create().name(name).table(table).col("tenant_id").col(at).col("id").take();
    manager.create_index(index).await?;
    let name = format!("{table}_of_tenant");
    manager
        .create_index(Index::create().name(name).table(table).col("tenant_id").col("id").unique().take())
        .await
}

/// The change mark column. Triggers set it on every write of a row, so that readers find the changes since their last read.
fn change_mark() -> ColumnDef {
    ColumnDef::new("changed").big_integer().not_null().default(0).take()
}

/// The index for reading rows by change mark.
async fn mark_index(manager: &SchemaManager<'_>, table: &'static str) -> Result<(), DbErr> {
    let index = Index::create().name(format!("{table}_changed")).table(table).col("changed").col("id").take();
    manager.create_index(index).await
}
