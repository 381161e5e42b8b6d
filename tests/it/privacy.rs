//! What a server writes into its log while it does all it can do: no secret, and nobody's number in full.

use std::process::Stdio;

use serde_json::{Value, json};
use switchboard::domain::Webhook;
use switchboard::sandbox::Credentials;
use uuid::Uuid;

use crate::support::program::{self, Running, read_until};
use crate::support::webhooks::signature;
use crate::support::{App, Levers, wait_until};

const CALLER: &str = "+14155550177";
const FALLBACK: &str = "+14155550188";

/// A server of the program's own, beside the app's sandbox and database, logging as much as it can.
struct Talkative {
    _process: Running,
    url: String,
    lines: std::sync::mpsc::Receiver<String>,
    log: Vec<String>,
}

impl Talkative {
    async fn start(app: &App) -> Self {
        let mut command = app.program(&["serve"]);
        command.env("BIND_ADDRESS", "127.0.0.1:0").env("RUST_LOG", "trace").stderr(Stdio::piped());
        tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let lines = program::lines(child.stderr.take().unwrap());
            let process = Running(child);
            let log = read_until(&lines, "listening");
            let said = log.last().unwrap();
            let address = said.split_once("address=").unwrap().1.split_whitespace().next().unwrap();
            Self { _process: process, url: format!("http://{address}"), lines, log }
        })
        .await
        .unwrap()
    }

    /// All it has written so far.
    fn log(&mut self) -> String {
        self.log.extend(self.lines.try_iter());
        self.log.join("\n")
    }

    /// Announces a call as the carrier would, and says what of interest it was answered with.
    async fn call(&self, levers: &Levers, to: &str, serial: &str, signed: bool) -> (u16, &'static str) {
        const INCOMING: &str = Webhook::IncomingCall.path();
        let sid = format!("CA{serial:0>32}");
        let Credentials { account_sid, auth_token, .. } = Credentials::development();
        let form = [
            ("AccountSid", account_sid.as_str()),
            ("CallSid", &sid),
            ("CallStatus", "ringing"),
            ("From", CALLER),
            ("To", to),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let key = if signed { auth_token.as_str() } else { "another" };
        let signature = signature(key, &format!("{}{INCOMING}", program::PUBLIC_URL), &form);
        let request = levers.http().post(format!("{}{INCOMING}", self.url)).form(&form);
        let request = request.header("X-Twilio-Signature", signature);
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, ["<Connect>", "<Dial"].into_iter().find(|verb| text.contains(verb)).unwrap_or_default())
    }

    async fn ask(&self, levers: &Levers, token: &str, query: &str, variables: Value) -> Value {
        levers.ask(&self.url, token, query, variables).await
    }
}

#[tokio::test]
async fn neither_secrets_nor_numbers_of_callers_reach_the_log() {
    let mut app = App::start().await;
    let mut server = Talkative::start(&app).await;
    // Otherwise it does some of the work, and what it logs is not seen.
    app.kill().await;
    let token = app.token(Uuid::from_u128(1));
    let create = "mutation($input: CreateAgentInput!) { createAgent(input: $input) {
        agent { id } phoneNumber { id number sid } apiToken userErrors { message } } }";
    let input = json!({ "name": "Practice", "areaCode": "212", "fallbackNumber": FALLBACK, "prompt": "Ask for allergies." });
    let made =
        server.ask(&app, &token, create, json!({ "input": input })).await["data"]["createAgent"].clone();
    assert_eq!(made["userErrors"], json!([]), "{made}");
    let agent_token = made["apiToken"].as_str().unwrap().to_owned();

    // One call with the agent, one with the voice provider down, which goes to the fallback number; one that is unsigned.
    let number = made["phoneNumber"]["number"].as_str().unwrap();
    assert_eq!(server.call(&app, number, "1", true).await, (200, "<Connect>"));
    app.faults(json!({ "match": { "provider": "elevenlabs" }, "action": { "status": 500 }, "times": 4 }))
        .await;
    assert_eq!(server.call(&app, number, "2", true).await, (200, "<Dial"));
    assert_eq!(server.call(&app, number, "3", false).await, (403, ""));
    app.clear_faults().await;
    for (header, value) in [("Authorization", "Bearer not.a.token"), ("X-Agent-Token", agent_token.as_str())]
    {
        let query = json!({ "query": "{ agents { nodes { name } } }" });
        let answer = app.http().post(format!("{}/graphql", server.url)).header(header, value).json(&query);
        answer.send().await.unwrap();
    }
    app.faults(json!({ "match": { "provider": "twilio" }, "action": { "status": 500 } })).await;
    let release = "mutation($id: ID!) { releasePhoneNumber(input: {id: $id}) { operation { id } } }";
    server.ask(&app, &token, release, json!({ "id": made["phoneNumber"]["id"] })).await;

    wait_until("the log tells of the release", std::time::Duration::from_secs(20), async || {
        server.log().contains("provider rejected a request or did not answer").then_some(())
    })
    .await;
    let log = server.log();
    assert!(log.contains("TRACE"), "it logs as much as it can");
    let environment = program::environment(&app.database_url(), &app.sandbox_url());
    let secrets = environment
        .iter()
        .filter(|(name, _)| name.ends_with("_TOKEN") || name.ends_with("_KEY") || name.ends_with("_SECRET"));
    let secrets: Vec<&str> = secrets.map(|(_, value)| value.as_str()).collect();
    assert_eq!(secrets.len(), 3, "{environment:?}");
    for secret in secrets.into_iter().chain([token.as_str(), &agent_token, CALLER, FALLBACK, "allergies"]) {
        let told: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{secret} is in the log:\n{}", told.join("\n"));
    }
}
