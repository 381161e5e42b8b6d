//! What the server expects of the database's tables: which migrations it has, compared with those that this version knows,
//! and that it keeps tenants apart ([`isolation`]).
//!
//! A migration only adds: tables, and columns that are nullable or have a default. So a server works on a database that the
//! next version has migrated, and servers are upgraded one after the other: migrate first, then replace them. What a
//! version no longer needs is removed by a later one, once no server uses it. Hence no statement of ours reads `*`, nor writes
//! without naming its columns.

mod foreign;
pub(super) mod isolation;

pub use foreign::ForeignSchema;

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QuerySelect};
use switchboard_migration::Migrator;
use switchboard_migration::sea_orm_migration::{MigratorTrait, seaql_migrations};

use super::{Database, StoreError, dialect};

/// How the database's migrations differ from those that this version knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrations {
    /// Those that wait to be applied: the server cannot work without them.
    pub pending: Vec<String>,
    /// Those that another version has applied and this one does not know.
    pub newer: Vec<String>,
}

impl Database {
    /// Brings the tables up to date; returns the names of the migrations applied: all
    /// of them or, on an error, none. Several servers may do so at once. A database that a newer version has migrated stays
    /// as it is.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Foreign`] if this version cannot migrate the database: [`ForeignSchema`];
    /// [`StoreError::Locked`] if another transaction has locked a table for long.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let tenants = &self.shared.tenants;
        let (transaction, pid) = dialect::begin_migration(tenants).await?;
        let migrating = async {
            dialect::forget_statements(&transaction).await?;
            dialect::lock_migrations(&transaction).await?;
            let migrations = compare(&transaction).await?;
            if let Some(foreign) = foreign::of(&transaction, &migrations).await? {
                return Err(StoreError::Foreign(foreign));
            }
            let pending = migrations.pending;
            if !pending.is_empty() {
                let applied = Migrator::up(&transaction, None).await.map_err(StoreError::from);
                applied.map_err(|error| if error.is_lock_timeout() { StoreError::Locked } else { error })?;
            }
            dialect::forget_statements(&transaction).await?;
            transaction.commit().await?;
            Ok(pending)
        };
        tokio::select! {
            migrated = migrating => migrated,
            lost = dialect::session_is_lost(tenants, pid) => Err(lost.into()),
        }
    }

    /// How the database's migrations differ from this version's; changes nothing, needs no rights to.
    ///
    /// # Errors
    /// [`StoreError`].
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
        // The framework's word for migrations that it does not know.
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
