//! The whole system as processes of their own: the emulated carriers, and servers that can be killed with SIGKILL.

use std::collections::HashMap;
use std::ops::Deref;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;
use switchboard::config::Jwt;
use switchboard::domain::Clock;
use switchboard::{app, auth};
use tempfile::TempDir;
use uuid::Uuid;

use super::Levers;
use super::database::TestDatabase;
use super::program::{self, Running};

/// The emulated carriers and one server or more, over a database of the test's own. Derefs to the sandbox's levers.
pub(crate) struct System {
    environment: HashMap<&'static str, String>,
    levers: Levers,
    servers: Vec<Server>,
    jwt: Jwt,
    _sandbox: Running,
    folder: TempDir,
    _database: TestDatabase,
}

struct Server {
    url: String,
    process: Running,
}

impl Deref for System {
    type Target = Levers;

    fn deref(&self) -> &Levers {
        &self.levers
    }
}

impl System {
    /// Starts both, the server with these variables of the environment.
    pub(crate) async fn start_with(variables: &[(&'static str, &str)]) -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), TestDatabase::create().await);
        let mut command =
            program::switchboard(folder.path(), &["sandbox", "--port", "0", "--state", "sandbox.json"]);
        let (sandbox, url) = launch(command.stdout(Stdio::piped()), "ELEVENLABS_API_BASE_URL=").await;
        let url = url.rsplit_once('=').unwrap().1.to_owned();
        let own = [("BIND_ADDRESS", "127.0.0.1:0"), ("LOG_FORMAT", "json")];
        let mut environment: HashMap<_, _> = program::environment(&database.url, &url).into();
        environment.extend(own.iter().chain(variables).map(|(name, value)| (*name, (*value).to_owned())));
        let jwt = Jwt::from_vars(|name| environment.get(name).cloned()).unwrap();
        let mut system = Self {
            environment,
            levers: Levers::of(url),
            servers: Vec::new(),
            jwt,
            _sandbox: sandbox,
            folder,
            _database: database,
        };
        system.add_server().await;
        system
    }

    /// Kills the first server with SIGKILL, and starts another over the same database.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.add_server().await;
    }

    /// Kills the first server with SIGKILL; a further one takes its place.
    pub(crate) fn kill(&mut self) {
        drop(self.servers.remove(0));
    }

    /// The first server's address.
    pub(crate) fn url(&self) -> &str {
        &self.servers[0].url
    }

    /// Sends the first server SIGTERM.
    pub(crate) fn signal(&self) {
        self.servers[0].process.signal();
    }

    /// Ends the first server with SIGTERM, and gives its exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        self.signal();
        let mut process = self.servers.remove(0).process;
        tokio::task::spawn_blocking(move || process.exit_code()).await.unwrap()
    }

    /// Starts a further server over the same database.
    pub(crate) async fn add_server(&mut self) {
        self.add_server_with(&[]).await;
    }

    /// The same, with these variables of the environment.
    pub(crate) async fn add_server_with(&mut self, variables: &[(&'static str, &str)]) {
        let mut command = program::switchboard(self.folder.path(), &["serve"]);
        command.envs(&self.environment).envs(variables.iter().copied()).stderr(Stdio::piped());
        let (process, line) = launch(&mut command, "listening").await;
        let line: Value = serde_json::from_str(&line).unwrap();
        let url = format!("http://{}", line["address"].as_str().unwrap());
        self.servers.push(Server { url, process });
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
        let (config, hour) = (app::auth_config(&self.jwt), Duration::from_secs(3600));
        let token = auth::mint(&config, subject, operator, hour, Clock::system().now());
        token.unwrap().expose_secret().to_owned()
    }

    /// Asks the first server for something and gives the whole answer.
    pub(crate) async fn graphql(&self, token: &str, query: &str, variables: Value) -> Value {
        self.graphql_at(0, token, query, variables).await
    }

    /// Asks one of the servers, counted from 0.
    pub(crate) async fn graphql_at(
        &self,
        server: usize,
        token: &str,
        query: &str,
        variables: Value,
    ) -> Value {
        self.levers.ask(&self.servers[server].url, token, query, variables).await
    }
}

/// Starts a program and waits for the line with this text on whichever of its outputs is read.
async fn launch(command: &mut std::process::Command, text: &'static str) -> (Running, String) {
    let mut child = command.spawn().unwrap();
    let lines = match (child.stdout.take(), child.stderr.take()) {
        (Some(stream), _) => program::lines(stream),
        (None, stream) => program::lines(stream.expect("one of both is read")),
    };
    let running = Running(child);
    // On a thread of its own: others are started meanwhile.
    let line = tokio::task::spawn_blocking(move || program::read_until(&lines, text).pop().unwrap());
    (running, line.await.unwrap())
}
