//! Detects databases that this version cannot migrate. They stay unchanged.

use sea_orm::ConnectionTrait;
use switchboard_migration::Migrator;
use switchboard_migration::sea_orm_migration::MigratorTrait;

use super::{Database, Migrations, compare};
use crate::store::{StoreError, dialect};

/// Why this version cannot migrate a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignSchema {
    /// Migrations are recorded, but none of this version's.
    #[error(
        "the database has {} that this version does not know ({}), and none of its own: it was made before version 0.1.0, or by \
         another program. Nothing was changed: use an empty database, or another schema",
        counted(unknown), unknown.join(", ")
    )]
    Unknown {
        /// The recorded migrations, none of which this version knows.
        unknown: Vec<String>,
    },
    /// Some of this version's migrations are recorded and some are not, beside migrations of another version.
    #[error(
        "the database has {} that this version does not know ({}), and lacks {} of this version ({}). Nothing was changed: first \
         run `switchboard migrate` of the version that applied the former",
        counted(unknown), unknown.join(", "), counted(pending), pending.join(", ")
    )]
    Diverged {
        /// Recorded migrations that this version does not know.
        unknown: Vec<String>,
        /// Migrations of this version that are not recorded.
        pending: Vec<String>,
    },
    /// No migrations are recorded, but there are tables.
    #[error(
        "the database has tables that this version would create ({}), and no record of migrations: it was made before version 0.1.0, \
         or by another program. Nothing was changed: use an empty database, or another schema",
        tables.join(", ")
    )]
    Unrecorded {
        /// The existing tables that this version would create.
        tables: Vec<String>,
    },
}

impl Database {
    /// Why this version cannot migrate the database; `None` if it can, or does not need to. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn foreign_schema(&self) -> Result<Option<ForeignSchema>, StoreError> {
        let db = &self.shared.tenants;
        of(db, &compare(db).await?).await
    }
}

/// Like [`Database::foreign_schema`], within a transaction.
pub(super) async fn of(
    db: &impl ConnectionTrait,
    Migrations { pending, newer }: &Migrations,
) -> Result<Option<ForeignSchema>, StoreError> {
    let ours = Migrator::migrations();
    let has_none_of_ours = pending.len() == ours.len();
    let (pending, unknown) = (pending.clone(), newer.clone());
    match (has_none_of_ours, unknown.is_empty()) {
        // A newer version only adds, so this one can still serve.
        _ if pending.is_empty() => Ok(None),
        (true, false) => Ok(Some(ForeignSchema::Unknown { unknown })),
        (false, false) => Ok(Some(ForeignSchema::Diverged { unknown, pending })),
        // The ordinary upgrade: only migrations that are newer than the database are pending.
        (false, true) => Ok(None),
        (true, true) => {
            // Without a record every migration would run, over tables that exist already.
            let mut tables = dialect::tables(db).await?;
            tables.retain(|table| ours.iter().any(|migration| creates(migration.name(), table)));
            Ok((!tables.is_empty()).then_some(ForeignSchema::Unrecorded { tables }))
        }
    }
}

/// Whether a migration creates this table. Migrations of 0.1.0 are named after their date, their number and their
/// table, such as `m20261122_000003_agents`.
fn creates(migration: &str, table: &str) -> bool {
    migration.splitn(3, '_').nth(2) == Some(table)
}

fn counted(migrations: &[String]) -> String {
    match migrations.len() {
        1 => "1 migration".to_owned(),
        count => format!("{count} migrations"),
    }
}
