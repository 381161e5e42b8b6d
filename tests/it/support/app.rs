//! The real server and the real sandbox in this process, each on a port of its own, over a database of the test's own.
//!
//! The server runs in a runtime of its own, so that a test can kill it as a crash would: every task it had is gone.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use switchboard::app::{self, Shutdown};
use switchboard::auth;
use switchboard::config::Config;
use switchboard::domain::{Clock, Entropy, TenantId, Workers};
use switchboard::sandbox::{self, Credentials, Options, Running};
use switchboard::store::Database;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::database::{TestDatabase, pooler};
use super::severable::Severable;
use super::{Levers, program};

/// By which the voice provider proves its events.
pub(crate) const WEBHOOK_SECRET: &str = "wsec_of_the_tests_0123456789";

/// All of Switchboard, and both emulated providers, to whose levers it derefs.
pub(crate) struct App {
    server: Server,
    /// Beside the first.
    others: Vec<Server>,
    config: Config,
    clock: Clock,
    ahead: Arc<AtomicI64>,
    levers: Levers,
    _sandbox: Running,
    database: TestDatabase,
    _folder: TempDir,
}

/// A server that runs.
struct Server {
    address: SocketAddr,
    database: Database,
    workers: Workers,
    shutdown: Shutdown,
    finished: JoinHandle<()>,
    /// Taken when the server is killed.
    runtime: Option<Runtime>,
}

impl Deref for App {
    type Target = Levers;

    fn deref(&self) -> &Levers {
        &self.levers
    }
}

impl App {
    /// Starts all of it.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts all of it with some variables of the environment set, such as `("OPERATION_WAIT", "1s")`.
    pub(crate) async fn start_with(variables: &[(&'static str, &str)]) -> Self {
        Self::start_over(TestDatabase::create().await, TimeDelta::zero(), variables).await
    }

    /// Starts all of it over this database, with a server's clock that goes on from this time.
    pub(crate) async fn start_at(
        database: TestDatabase,
        now: DateTime<Utc>,
        variables: &[(&'static str, &str)],
    ) -> Self {
        Self::start_over(database, now - Clock::system().now(), variables).await
    }

    /// Starts all of it over a database that can be taken away from the server.
    pub(crate) async fn start_severable(variables: &[(&'static str, &str)]) -> (Self, Severable) {
        let database = TestDatabase::create().await;
        let severable = Severable::before(&database.server_url()).await;
        let mut variables = variables.to_vec();
        variables.push(("DATABASE_URL", &severable.url));
        (Self::start_over(database, TimeDelta::zero(), &variables).await, severable)
    }

    async fn start_over(
        database: TestDatabase,
        ahead: TimeDelta,
        variables: &[(&'static str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = Options {
            credentials: Credentials::development(),
            state_file: Some(folder.path().join("sandbox.json")),
        };
        let sandbox = sandbox::start(options, listener).await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = configure(&listener, &sandbox, &database, folder.path(), variables);
        let (clock, ahead) = movable_clock(ahead);
        let server = Server::start(listener, config.clone(), clock.clone()).await;
        let levers = Levers::of(sandbox.base_url());
        Self {
            server,
            others: Vec::new(),
            config,
            clock,
            ahead,
            levers,
            _sandbox: sandbox,
            database,
            _folder: folder,
        }
    }

    /// Kills the server where it stands and boots it again: same address, same database, same sandbox.
    pub(crate) async fn restart(&mut self) {
        self.kill().await;
        let listener = std::net::TcpListener::bind(self.server.address).unwrap();
        self.server = Server::start(listener, self.config.clone(), self.clock.clone()).await;
    }

    /// Why a server does not start now.
    pub(crate) async fn cannot_start(&self) -> String {
        let built = app::App::build(&self.config, self.clock.clone(), Entropy::system()).await;
        built.map(drop).unwrap_err().to_string()
    }

    /// Kills the server where it stands: whatever it was doing is left undone.
    pub(crate) async fn kill(&mut self) {
        if let Some(runtime) = self.server.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5)));
            ended.await.unwrap();
        }
    }

    /// Asks the server to finish what it has begun and to end, and waits for that.
    pub(crate) async fn stop(&mut self) {
        self.server.shutdown.drain();
        let finished = tokio::time::timeout(Duration::from_secs(30), &mut self.server.finished).await;
        finished.expect("the server did not stop").unwrap();
        self.kill().await;
    }

    /// Starts a further server over the same database, and gives its address. Calls still come in at the first.
    pub(crate) async fn add_server(&mut self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::start(listener, self.config.clone(), self.clock.clone()).await;
        let url = format!("http://{}", server.address);
        self.others.push(server);
        url
    }

    /// Where the server listens, without a slash at the end.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The server's own database, for looking without the API.
    pub(crate) fn database(&self) -> &Database {
        &self.server.database
    }

    /// The server's own workers.
    pub(crate) fn workers(&self) -> &Workers {
        &self.server.workers
    }

    /// Tells the server that it is to leave its load balancer.
    pub(crate) fn leave(&self) {
        self.server.shutdown.leave();
    }

    /// Gives a tenant that was seen already a plan with so many numbers.
    pub(crate) async fn set_phone_numbers(&self, tenant: Uuid, phone_numbers: i32) {
        self.database.set_plan(TenantId(tenant), 10, phone_numbers).await;
    }

    /// The program over the same database and sandbox, with nothing else of our environment. Numbers it buys point to
    /// [`program::PUBLIC_URL`].
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program::switchboard(Path::new("/"), arguments);
        command.envs(program::environment(&self.database.server_url(), &self.sandbox_url()));
        command
    }

    /// The database's address, for a connection of the test's own.
    pub(crate) fn database_url(&self) -> String {
        if pooler().is_some() {
            return self.database.url.clone();
        }
        self.config.database_url.expose_secret().to_owned()
    }

    /// The database, once the server is stopped.
    pub(crate) fn into_database(self) -> TestDatabase {
        self.database
    }

    /// Where the server keeps what must outlive it.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.config.state_dir
    }

    /// Runs SQL past every door.
    pub(crate) async fn execute(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// How many rows this counts, past every door.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.database.count(sql).await
    }

    /// Keeps calls on record from being changed until the result is dropped.
    pub(crate) async fn lock_calls(&self) -> Box<dyn Send> {
        self.database.lock_calls().await
    }

    /// The server's clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Moves the server's clock ahead; timers that sleep do not notice.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// A tenant's token, good for an hour.
    pub(crate) fn token(&self, tenant: Uuid) -> String {
        self.mint(tenant, false)
    }

    /// An operator's token, good for an hour.
    pub(crate) fn operator_token(&self) -> String {
        self.mint(Uuid::from_u128(0xffff), true)
    }

    fn mint(&self, subject: Uuid, operator: bool) -> String {
        let config = app::auth_config(&self.config.jwt);
        let token = auth::mint(&config, subject, operator, Duration::from_secs(3600), self.clock.now());
        token.unwrap().expose_secret().to_owned()
    }

    /// A metric of this process, which other tests record into as well: `name`, or `name{label="value"}`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let metrics = self.http().get(format!("{}/metrics", self.base_url())).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        let values = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let value =
            values.filter(|(name, _)| *name == series).map(|(_, value)| value.parse().unwrap()).next();
        value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
    }

    /// Runs a query or a mutation over HTTP and gives the whole answer, `data` and `errors`. What calls were answered with
    /// before is recorded by then.
    pub(crate) async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        self.database().flush().await;
        self.levers.ask(&self.base_url(), token, query, variables).await
    }

    /// The same with these headers, for callers who send more than a tenant's token.
    pub(crate) async fn graphql_with(
        &self,
        headers: &[(&str, &str)],
        query: &str,
        variables: Value,
    ) -> Value {
        self.database().flush().await;
        let mut request = self.http().post(format!("{}/graphql", self.base_url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
            .json(&json!({"query": query, "variables": variables}))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// The same as an operator who acts for a tenant.
    pub(crate) async fn graphql_for(&self, tenant: Uuid, query: &str, variables: Value) -> Value {
        let (bearer, tenant) = (format!("Bearer {}", self.operator_token()), tenant.to_string());
        self.graphql_with(&[("Authorization", &bearer), ("X-Tenant-Id", &tenant)], query, variables).await
    }
}

impl Server {
    async fn start(listener: std::net::TcpListener, config: Config, clock: Clock) -> Self {
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (started, start) = tokio::sync::oneshot::channel();
        let finished = runtime.spawn(async move {
            let app = app::App::build(&config, clock, Entropy::system()).await.unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            started.send((app.database().clone(), app.workers().clone(), app.shutdown())).unwrap();
            app.run(listener).await.unwrap();
        });
        let (database, workers, shutdown) = start.await.expect("the server did not start");
        Self { address, database, workers, shutdown, finished, runtime: Some(runtime) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a server beside this sandbox, over this database, is configured with.
fn configure(
    listener: &std::net::TcpListener,
    sandbox: &Running,
    database: &TestDatabase,
    folder: &Path,
    variables: &[(&str, &str)],
) -> Config {
    let own = [
        ("STATE_DIR", folder.join("state").display().to_string()),
        ("WEBHOOK_BASE_URL", format!("http://{}", listener.local_addr().unwrap())),
        ("ELEVENLABS_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
    ];
    let mut all: HashMap<_, _> = program::environment(&database.server_url(), &sandbox.base_url()).into();
    all.extend(own);
    if pooler().is_some() {
        all.insert("DATABASE_LISTEN_URL", database.url.clone());
    }
    all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Config::for_this_machine(|name| all.get(name).cloned()).unwrap()
}

/// A clock that tells the machine's time and `ahead` milliseconds more.
fn movable_clock(ahead: TimeDelta) -> (Clock, Arc<AtomicI64>) {
    let ahead = Arc::new(AtomicI64::new(ahead.num_milliseconds()));
    let (system, moved) = (Clock::system(), ahead.clone());
    let clock =
        Clock::from_fn(move || system.now() + chrono::Duration::milliseconds(moved.load(Ordering::SeqCst)));
    (clock, ahead)
}
