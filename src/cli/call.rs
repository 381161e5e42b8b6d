//! `switchboard call`: places a call as the carrier would, signed, and tells what became of it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::{folder, print};
use crate::config::Environment;
use crate::domain::E164;

/// A call with an agent takes no real time in the sandbox; the answers it waits for do.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The number to call, such as +12125550123; it must have been bought from the sandbox
    #[arg(long, value_name = "NUMBER")]
    to: E164,
    /// The caller's number, or a word such as "anonymous"; a fictional one when left out
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
}

/// What the sandbox tells of a call.
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

/// What the sandbox says when it will not.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let sandbox = sandbox_url(environment)?;
    let placed = place(&sandbox, &args).await?;
    print::line(tell(&placed))?;
    if placed.status == "failed" {
        return Err(Failure::new("the call failed: no answer was one a caller can hear"));
    }
    Ok(())
}

/// Where calls are placed: the variable's sandbox, else the one `dev` runs in this folder.
fn sandbox_url(environment: &Environment) -> Result<String, Failure> {
    let named = environment.get("TWILIO_API_BASE_URL").filter(|url| !url.is_empty());
    let url = match named {
        Some(url) => Some(url),
        None => folder::read()?.and_then(|remembered| remembered.sandbox),
    };
    url.map(|url| url.trim_end_matches('/').to_owned()).ok_or_else(|| {
        Failure::new("there is no sandbox to place the call: start `switchboard dev` in this folder first")
    })
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
    match serde_json::from_slice::<Refused>(&body) {
        Ok(refused) => Err(Failure::new(format!("no call to {}: {}", args.to, refused.error))),
        Err(_) => Err(no_sandbox(sandbox)),
    }
}

fn no_sandbox(address: &str) -> Failure {
    Failure::new(format!(
        "{address} is no sandbox of this version: calls are placed by `switchboard dev` only"
    ))
}

/// The call's story, for people.
fn tell(call: &Placed) -> String {
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
