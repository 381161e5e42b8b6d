//! The only SQL in the house, behind two doors.
//!
//! [`TenantStore`] is a transaction in which the database itself shows one tenant's rows and no other's;
//! [`SystemStore`] is for webhooks, workers and operators: narrow functions over all tenants. There is no
//! third door, and the entities stay in here.

mod changes;
mod error;
mod page;
mod system;
mod tenant;

pub use changes::Change;
pub use error::StoreError;
pub use page::{Cursor, Page, PageOf, PageRequest};
pub use system::{
    ClaimRefused, Claimed, Effect, IncomingCall, Lease, NumberClaim, OperationUpdate, Route, SystemStore,
};
pub use tenant::{
    AgentChanges, AgentFilter, CallFilter, Inserted, MonthUsage, NewOperation, NumberFilter, TenantStore,
};

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::{Clock, TenantId};

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://…`.
    pub url: SecretString,
    /// Connections of the tenants' pool; the system's pool has half as many.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
}

/// The database: opens doors. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {}

impl Database {
    /// Connects; on SQLite creates the file when it is missing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn connect(_config: &DatabaseConfig, _clock: Clock) -> Result<Self, StoreError> {
        todo!()
    }

    /// Brings the tables up to date; returns the names of the migrations applied.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        todo!()
    }

    /// The names of the migrations that wait to be applied; changes nothing, needs no rights to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        todo!()
    }

    /// Why this database does not keep tenants apart, a sentence each with the SQL that mends it; empty when it does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn isolation_faults(&self) -> Result<Vec<String>, StoreError> {
        todo!()
    }

    /// Answers when the database does.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// A tenant's door for reading: one transaction, rolled back when dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read_as(&self, _tenant: TenantId) -> Result<TenantStore, StoreError> {
        todo!()
    }

    /// A tenant's door for writing: one transaction; nothing is kept without [`TenantStore::commit`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_as(&self, _tenant: TenantId) -> Result<TenantStore, StoreError> {
        todo!()
    }

    /// The system's door.
    #[must_use]
    pub fn system(&self) -> SystemStore {
        todo!()
    }

    /// What changes from now on, for those who watch. A slow watcher loses the oldest and is told so.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::broadcast::Receiver<Change> {
        todo!()
    }

    /// How many statements were run so far.
    #[must_use]
    pub fn statements(&self) -> u64 {
        todo!()
    }

    /// Closes every connection.
    pub async fn close(self) {
        todo!()
    }
}
