//! The server's log: it holds nobody up, and it is whole when the server ends.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::database::TestDatabase;
use crate::support::program::{self, Running};
use crate::support::wait_until;

/// No provider is reached by these tests.
const NO_PROVIDER: &str = "http://127.0.0.1:9";
const REQUESTS: usize = 2000;

/// A server of its own, whose stderr is a pipe.
struct Served {
    process: Running,
    url: String,
    http: reqwest::Client,
    _database: TestDatabase,
    _folder: TempDir,
}

impl Served {
    async fn start() -> Self {
        let (database, folder) = (TestDatabase::create().await, tempfile::tempdir().unwrap());
        // Nobody reads the address from the log.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut process = serve(folder.path(), &database, &address.to_string());
        let process = Running(process.spawn().unwrap());
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap();
        let url = format!("http://{address}");
        let served = Self { process, url, http, _database: database, _folder: folder };
        wait_until("the server answers", Duration::from_secs(30), async || {
            served.http.get(format!("{}/healthz", served.url)).send().await.ok()
        })
        .await;
        served
    }

    /// Sends requests whose log lines hold a name of this length. All must be answered.
    async fn ask(&self, requests: usize, name: usize) {
        let query = format!("query {} {{ __typename }}", "N".repeat(name));
        let statuses = stream::iter(0..requests).map(|_| async {
            let request = self.http.post(format!("{}/graphql", self.url));
            request.json(&json!({ "query": query })).send().await.unwrap().status()
        });
        let answered = statuses.buffer_unordered(16).filter(|status| {
            let is_ok = status.is_success();
            async move { is_ok }
        });
        assert_eq!(answered.count().await, requests);
    }

    async fn lines_lost(&self) -> u64 {
        let metrics =
            self.http.get(format!("{}/metrics", self.url)).send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("switchboard_log_lines_lost_total "));
        line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
    }
}

fn serve(folder: &Path, database: &TestDatabase, address: &str) -> Command {
    let mut command = program::switchboard(folder, &["serve"]);
    command
        .envs(program::environment(&database.url, NO_PROVIDER))
        .envs([("BIND_ADDRESS", address), ("LOG_FORMAT", "json"), ("RATE_LIMIT_ANONYMOUS_PER_MINUTE", "0")])
        .stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn an_unread_log_delays_neither_requests_nor_shutdown() {
    let served = Served::start().await;
    served.ask(REQUESTS, 10).await;
    assert_eq!(served.lines_lost().await, 0, "so many lines wait in memory");
    // More than memory is kept for.
    served.ask(500, 15_000).await;
    assert!(served.lines_lost().await > 0);
    let health = served.http.get(format!("{}/healthz", served.url)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    let asked = Instant::now();
    let code = tokio::task::spawn_blocking(|| served.process.terminate()).await.unwrap();
    assert_eq!(code, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn every_line_is_written_before_the_server_ends() {
    let mut served = Served::start().await;
    let lines = program::lines(served.process.0.stderr.take().unwrap());
    served.ask(REQUESTS, 10).await;
    let code = tokio::task::spawn_blocking(|| served.process.terminate()).await.unwrap();
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["message"], "stopped");
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "request answered").collect();
    assert_eq!(requests.len(), REQUESTS, "one for each, and none for probes");
    for field in ["status", "duration_ms", "operation.kind", "operation.name"] {
        assert!(!requests[0][field].is_null(), "{field} in {}", requests[0]);
    }
    let span = &requests[0]["span"];
    assert_eq!((span["method"].as_str(), span["route"].as_str()), (Some("POST"), Some("/graphql")));
    assert!(span["request_id"].as_str().is_some_and(|id| id.len() == 32), "{span}");
}
