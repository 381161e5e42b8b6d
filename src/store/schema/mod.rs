//! What the server expects of the database: the migrations that this version knows,
//! and isolated tenants ([`isolation`]).
//!
//! A migration only adds: tables, and columns that are nullable or have a default. Therefore a server works on a
//! database that the next version has migrated, and servers can be upgraded one after the other: migrate first, then
//! replace them. A later version removes what no server uses any more. For the same reason every statement names its
//! columns and never reads `*`.

mod foreign;
pub(super) mod isolation;

pub use foreign::ForeignSchema;

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QuerySelect};
use switchboard_migration::Migrator;
use switchboard_migration::sea_orm_migration::{MigratorTrait, seaql_migrations};

use super::{Database, StoreError, dialect};

/// The differences between the database's migrations and those that this version knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Migrations that are not applied yet. The server cannot work without them.
    pub pending: Vec<String>,
    /// Migrations that a newer version has applied and this one does not know.
    pub newer: Vec<String>,
}

impl Database {
    /// Applies pending migrations and returns their names: all of them or, on an error, none. Several servers may do so at
    /// once. A database that a newer version has migrated stays unchanged.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Foreign`] if this version cannot migrate the database ([`ForeignSchema`]);
    /// [`StoreError::Locked`] if another transaction keeps a table locked for too long.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let tenants = &self.shared.tenants;
        let (transaction, pid) = dialect::begin_migration(tenants).await?;
        let migrating = async {
            dialect::forget_statements(&transaction).await?;
            // Before the comparison: another server may be applying the same migrations.
            dialect::lock_migrations(&transaction).await?;
            let migrations = compare(&transaction).await?;
            if let Some(foreign) = foreign::of(&transaction, &migrations).await? {
                return Err(StoreError::Foreign(foreign));
            }
            let pending = migrations.pending;
            if !pending.is_empty() {
                // All in one transaction: a failed migration leaves the schema of the old version.
                let applied = Migrator::up(&transaction, None).await.map_err(StoreError::from);
                applied.map_err(|error| if error.is_lock_timeout() { StoreError::Locked } else { error })?;
            }
            dialect::forget_statements(&transaction).await?;
            transaction.commit().await?;
            Ok(pending)
        };
        tokio::select! {
            // No time limit: a migration of a large table takes as long as it needs.
            migrated = migrating => migrated,
            lost = dialect::session_is_lost(tenants, pid) => Err(lost.into()),
        }
    }

    /// Compares the database's migrations with this version's. Changes nothing and needs no rights to do so.
    ///
    /// # Errors
    /// [`StoreError`] if the query fails.
    pub async fn migrations(&self) -> Result<Migrations, StoreError> {
        compare(&self.shared.tenants).await
    }
}

async fn compare(db: &impl ConnectionTrait) -> Result<Migrations, StoreError> {
    match Migrator::get_pending_migrations_read_only(db).await {
        Ok(pending) => {
            let pending = pending.iter().map(|migration| migration.name().to_owned()).collect();
            Ok(Migrations { pending, newer: Vec::new() })
        }
        // The framework's error for migrations that it does not know.
        Err(DbErr::Custom(_)) => {
            let applied = seaql_migrations::Entity::find()
                .select_only()
                .column(seaql_migrations::Column::Version)
                .into_tuple::<String>()
                .all(db)
                .await?;
            let known: Vec<String> =
                Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
            let lacking = |these: &[String], those: Vec<String>| -> Vec<String> {
                those.into_iter().filter(|name| !these.contains(name)).collect()
            };
            let (pending, mut newer) = (lacking(&applied, known.clone()), lacking(&known, applied));
            newer.sort();
            Ok(Migrations { pending, newer })
        }
        Err(error) => Err(error.into()),
    }
}
