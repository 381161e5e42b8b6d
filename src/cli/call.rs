//! `switchboard call`: places a signed call as the carrier would, and prints its course.

use serde::Deserialize;
use serde_json::json;

use super::control::Control;
use super::failure::Failure;
use super::print;
use crate::config::Environment;
use crate::domain::E164;

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

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let control = Control::find(environment)?;
    let mut order = json!({ "to": args.to.as_str() });
    if let Some(from) = &args.from {
        order["from"] = json!(from);
    }
    let placed: Placed = control.post("calls", &order, &format!("no call to {}", args.to)).await?;
    print::line(describe(&placed))?;
    // Exit code 1, so that a script notices.
    if placed.status == "failed" {
        return Err(Failure::new("the call failed: no webhook answer was valid"));
    }
    Ok(())
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
