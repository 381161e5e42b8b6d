//! `switchboard call`: places a signed call as the carrier would, and prints its course.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::{folder, print};
use crate::config::Environment;
use crate::domain::E164;

/// The sandbox skips the time of the conversation; only the answers of the webhooks take time.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Number to call, such as +12125550123; it must have been bought from the sandbox
    #[arg(long, value_name = "NUMBER")]
    to: E164,
    /// The caller's number, or a word such as "anonymous" [default: a fictional number]
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
}

/// The sandbox's report of a call.
#[derive(Deserialize)]
struct Placed {
    call_sid: String,
    from: String,
    to: String,
    status: String,
    duration_seconds: u64,
    answered_with: Vec<Answer>,
    heard: Vec<String>,
    agent: Option<AgentName>,
    conversation_id: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    url: String,
    status: Option<u16>,
    twiml: String,
    error: Option<String>,
}

#[derive(Deserialize)]
struct AgentName {
    agent_id: String,
    name: String,
}

/// The sandbox's reason why it placed no call.
#[derive(Deserialize)]
struct Rejected {
    error: String,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let sandbox = sandbox_url(environment)?;
    let placed = place(&sandbox, &args).await?;
    print::line(describe(&placed))?;
    // Exit code 1, so that a script notices.
    if placed.status == "failed" {
        return Err(Failure::new("the call failed: no webhook answer was valid"));
    }
    Ok(())
}

/// The sandbox of `TWILIO_API_BASE_URL`, else that of this folder's `dev`.
fn sandbox_url(environment: &Environment) -> Result<String, Failure> {
    let named = environment.get("TWILIO_API_BASE_URL");
    let url = match named {
        Some(url) => Some(url),
        None => folder::read()?.and_then(|remembered| remembered.sandbox),
    };
    url.map(|url| url.trim_end_matches('/').to_owned())
        .ok_or_else(|| Failure::new("no sandbox is known here: start `switchboard dev` in this folder first"))
}

async fn place(sandbox: &str, args: &Args) -> Result<Placed, Failure> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(Duration::from_secs(5)).build();
    let client = client.map_err(|error| Failure::from_error(&error))?;
    let mut order = json!({ "to": args.to.as_str() });
    if let Some(from) = &args.from {
        order["from"] = json!(from);
    }
    let answer = client.post(format!("{sandbox}/sandbox/calls")).json(&order).send().await;
    let answer = answer.map_err(|error| match error.is_connect() {
        true => Failure::new(format!(
            "no sandbox answers at {sandbox}: start `switchboard dev` in this folder first"
        )),
        false => Failure::from_error(&error),
    })?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| Failure::from_error(&error))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| no_sandbox(sandbox));
    }
    match serde_json::from_slice::<Rejected>(&body) {
        Ok(rejected) => Err(Failure::new(format!("no call to {}: {}", args.to, rejected.error))),
        Err(_) => Err(no_sandbox(sandbox)),
    }
}

fn no_sandbox(address: &str) -> Failure {
    Failure::new(format!(
        "{address} is not a sandbox of this version: start `switchboard dev` in this folder first"
    ))
}

/// The course of the call, as text.
fn describe(call: &Placed) -> String {
    let mut lines = vec![format!("Call {} from {} to {}", call.call_sid, call.from, call.to)];
    for answer in &call.answered_with {
        let status = answer.status.map_or("no answer".to_owned(), |status| status.to_string());
        lines.push(format!("\nPOST {} -> {status}", answer.url));
        lines.extend(answer.twiml.lines().map(|line| format!("  {line}")));
        lines.extend(answer.error.iter().map(|error| format!("  The carrier did not accept this: {error}")));
    }
    lines.push(String::new());
    lines.push(match &call.agent {
        Some(agent) => format!("Agent  {} ({})", agent.name, agent.agent_id),
        None => "Agent  none took it".to_owned(),
    });
    lines.extend(call.conversation_id.iter().map(|id| format!("       conversation {id}")));
    lines.extend(call.heard.iter().map(|heard| format!("Heard  {heard}")));
    lines.push(format!("Ended  {} after {} s", call.status, call.duration_seconds));
    lines.join("\n")
}
