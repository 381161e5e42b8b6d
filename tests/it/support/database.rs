//! A database of its own for each test: an SQLite file, or, where `SWITCHBOARD_TEST_POSTGRES` names a server by the
//! URL of a role that may create databases and roles, a copy of a migrated template there. Where `SWITCHBOARD_TEST_POOLER`
//! names a connection pooler before that server by host and port, the servers under test reach the database through it, and the
//! tests themselves do not.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use switchboard::domain::{Clock, Entropy, TenantId};
use switchboard::store::{Database, DatabaseConfig};

use super::released::{POSTGRES, SQLITE};

/// A migrated database, empty.
pub(crate) struct TestDatabase {
    /// Where it is.
    pub(crate) url: String,
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    /// Makes one.
    pub(crate) async fn create() -> Self {
        if let Some(server) = server() {
            let template = template(&server).await;
            let name = format!("t_{}", Entropy::system().uuid(Clock::system().now()).simple());
            execute(&server, &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")).await;
            return Self { url: sibling(&server, &name), _folder: None };
        }
        let test = Self::create_empty().await;
        test.open().await.migrate().await.unwrap();
        test
    }

    /// Makes one without tables.
    pub(crate) async fn create_empty() -> Self {
        if let Some(server) = server() {
            let name = format!("e_{}", Entropy::system().uuid(Clock::system().now()).simple());
            execute(&server, &format!("CREATE DATABASE {name}")).await;
            return Self { url: sibling(&server, &name), _folder: None };
        }
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("switchboard.db").display());
        Self { url, _folder: Some(folder) }
    }

    /// Restores the database that a released version's folder holds.
    pub(crate) async fn restore(version: &Path) -> Self {
        if let Some(server) = server() {
            // It sees to it that the roles are there, which a dump does not hold.
            template(&server).await;
        }
        let test = Self::create_empty().await;
        if test.is_postgres() {
            let dump = std::fs::read_to_string(version.join(POSTGRES)).unwrap();
            sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut test.raw().await).await.unwrap();
        } else {
            let file = test.url.strip_prefix("sqlite://").unwrap();
            std::fs::copy(version.join(SQLITE), file).unwrap();
        }
        test
    }

    /// Opens it with the machine's clock.
    pub(crate) async fn open(&self) -> Database {
        self.open_with(4, Clock::system()).await
    }

    /// Opens it with so many connections and this clock.
    pub(crate) async fn open_with(&self, max_connections: u32, clock: Clock) -> Database {
        let config = DatabaseConfig {
            url: self.server_url().into(),
            listen_url: None,
            max_connections,
            acquire_timeout: Duration::from_secs(20),
        };
        Database::connect(&config, clock).await.unwrap()
    }

    /// Its address for a server under test.
    pub(crate) fn server_url(&self) -> String {
        let Some(pooler) = pooler().filter(|_| self.is_postgres()) else { return self.url.clone() };
        let (host, port) = pooler.split_once(':').unwrap();
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_host(Some(host)).unwrap();
        url.set_port(port.parse().ok()).unwrap();
        url.into()
    }

    /// Whether it keeps tenants apart itself.
    pub(crate) fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Gives a tenant a plan, as an operator would.
    pub(crate) async fn set_plan(&self, tenant: TenantId, concurrent_calls: i32, phone_numbers: i32) {
        let sql = "UPDATE tenants SET concurrent_calls = $1, phone_numbers = $2 WHERE id = $3";
        if self.is_postgres() {
            let mut connection = self.raw().await;
            sqlx::query("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
            let query = sqlx::query(sql).bind(concurrent_calls).bind(phone_numbers).bind(tenant.0);
            assert_eq!(query.execute(&mut connection).await.unwrap().rows_affected(), 1);
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            let query = sqlx::query(sql).bind(concurrent_calls).bind(phone_numbers).bind(tenant.0);
            assert_eq!(query.execute(&mut connection).await.unwrap().rows_affected(), 1);
        }
    }

    /// Runs SQL past every door.
    pub(crate) async fn execute(&self, sql: &str) {
        if self.is_postgres() {
            let mut connection = self.raw().await;
            sqlx::raw_sql("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
    }

    /// How many rows this counts, past every door.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        if self.is_postgres() {
            let mut connection = self.raw().await;
            sqlx::query("SET ROLE switchboard_system").execute(&mut connection).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// Keeps calls on record from being changed, on SQLite anything at all, until the result is dropped.
    pub(crate) async fn lock_calls(&self) -> Box<dyn Send> {
        if self.is_postgres() {
            let mut holder = self.raw().await;
            let lock = "SET ROLE switchboard_system; BEGIN; SELECT FROM calls FOR UPDATE";
            sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
            Box::new(holder)
        } else {
            let mut holder = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
            Box::new(holder)
        }
    }

    /// A connection as the login role, past every door.
    pub(crate) async fn raw(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(Clock::system().now().timestamp_micros())))
    }

    /// Moves it on.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    /// What the system takes.
    pub(crate) fn clock(&self) -> Clock {
        let micros = Arc::clone(&self.0);
        Clock::from_fn(move || {
            chrono::DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap()
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment which database to run on")]
fn server() -> Option<String> {
    std::env::var("SWITCHBOARD_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// The connection pooler's host and port.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment which database to run on")]
pub(crate) fn pooler() -> Option<String> {
    std::env::var("SWITCHBOARD_TEST_POOLER").ok().filter(|address| !address.is_empty())
}

/// The same server's database of that name.
fn sibling(server: &str, database: &str) -> String {
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(database);
    url.into()
}

async fn execute(server: &str, sql: &str) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The migrated database that others are copied from, made once for all tests and all runs of the same migrations.
async fn template(server: &str) -> String {
    let mut hasher = DefaultHasher::new();
    hash_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/src"), &mut hasher);
    let name = format!("template_{:016x}", hasher.finish());

    let mut admin = PgConnection::connect(server).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(7310)").execute(&mut admin).await.unwrap();
    let made: Option<bool> = sqlx::query_scalar("SELECT datistemplate FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut admin)
        .await
        .unwrap();
    if made != Some(true) {
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        }
        // Past the pooler, whose connections would keep it from being copied.
        let config = DatabaseConfig {
            url: sibling(server, &name).into(),
            listen_url: None,
            max_connections: 2,
            acquire_timeout: Duration::from_secs(20),
        };
        let database = Database::connect(&config, Clock::system()).await.unwrap();
        database.migrate().await.unwrap();
        database.close().await;
        let sql = format!("ALTER DATABASE {name} IS_TEMPLATE true ALLOW_CONNECTIONS false");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    // Closing the connection gives the lock up.
    admin.close().await.unwrap();
    name
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) {
    let mut entries: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            hash_folder(&path, hasher);
        } else {
            path.file_name().hash(hasher);
            std::fs::read(&path).unwrap().hash(hasher);
        }
    }
}
