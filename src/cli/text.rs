//! `switchboard text`: sends a text as the carrier would deliver it, and prints what the person sees.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::control::Control;
use super::failure::Failure;
use super::print;
use crate::config::Environment;
use crate::domain::E164;

const POLL: Duration = Duration::from_millis(200);
/// Time without a further answer after which the answer is taken as complete.
const QUIET: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Number to text, such as +12125550123; it must have been bought from the sandbox
    #[arg(long, value_name = "NUMBER")]
    to: E164,
    /// The person's number [default: a fictional number]
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Longest time to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=120))]
    wait: u64,
    /// The text
    body: String,
}

/// The sandbox's report of a text.
#[derive(Deserialize)]
struct Report {
    message_sid: Option<String>,
    from: Option<String>,
    /// Reason why nothing happened to the text.
    note: Option<String>,
    answered_with: Vec<Answer>,
    /// The carrier's own reply to a word such as STOP.
    auto_reply: Option<String>,
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
struct Answer {
    url: String,
    status: Option<u16>,
    twiml: String,
    error: Option<String>,
}

/// A message to the person.
#[derive(Deserialize)]
struct Reply {
    body: String,
    status: String,
    error_code: Option<u32>,
    media: Vec<Media>,
}

#[derive(Deserialize)]
struct Media {
    content_type: String,
}

impl Reply {
    fn is_under_way(&self) -> bool {
        matches!(self.status.as_str(), "accepted" | "queued" | "sending")
    }
}

pub(super) async fn run(args: Args, environment: &Environment) -> Result<(), Failure> {
    let control = Control::find(environment)?;
    let mut order = json!({ "to": args.to.as_str(), "body": args.body });
    if let Some(from) = &args.from {
        order["from"] = json!(from);
    }
    let what = format!("no text to {}", args.to);
    let placed: Report = control.post("texts", &order, &what).await?;
    let report = wait_for_answers(&control, placed, Duration::from_secs(args.wait)).await?;
    print::line(describe(&report, &args))?;
    // Exit code 1, so that a script notices.
    if !report.answered_with.is_empty() && report.answered_with.iter().all(|answer| answer.error.is_some()) {
        return Err(Failure::new("the text was not handled: no webhook answer was valid"));
    }
    Ok(())
}

/// Reads the report again until an answer is complete, or the time is up: answers by the carrier's API come after the webhook's.
async fn wait_for_answers(control: &Control, placed: Report, longest: Duration) -> Result<Report, Failure> {
    let Some(sid) = placed.message_sid.clone() else { return Ok(placed) };
    let (begun, mut report) = (Instant::now(), placed);
    let (mut count, mut last) = (report.replies.len(), Instant::now());
    loop {
        let has_answer = report.auto_reply.is_some() || !report.replies.is_empty();
        let is_under_way = report.replies.iter().any(Reply::is_under_way);
        let is_complete = has_answer && !is_under_way && last.elapsed() >= QUIET;
        if is_complete || begun.elapsed() >= longest {
            return Ok(report);
        }
        tokio::time::sleep(POLL).await;
        report = control.get(&format!("texts/{sid}"), "the text is gone").await?;
        if report.replies.len() != count {
            (count, last) = (report.replies.len(), Instant::now());
        }
    }
}

/// The course of the text, as lines.
fn describe(report: &Report, args: &Args) -> String {
    let sid = report.message_sid.as_deref().unwrap_or("dropped");
    let from = report.from.as_deref().or(args.from.as_deref()).unwrap_or("a fictional number");
    let mut lines = vec![format!("Text {sid} from {from} to {}", args.to)];
    for answer in &report.answered_with {
        let status = answer.status.map_or("no answer".to_owned(), |status| status.to_string());
        lines.push(format!("\nPOST {} -> {status}", answer.url));
        lines.extend(answer.twiml.lines().map(|line| format!("  {line}")));
        lines.extend(answer.error.iter().map(|error| format!("  The carrier did not accept this: {error}")));
    }
    lines.push(String::new());
    lines.extend(report.note.iter().map(|note| format!("Note   {note}")));
    if report.note.is_none() && report.answered_with.is_empty() {
        lines.push("Note   no webhook was requested: the number has no URL for texts".to_owned());
    }
    lines.extend(report.auto_reply.iter().map(|reply| line("Seen", reply)));
    lines.extend(report.replies.iter().map(|reply| {
        let files = reply.media.iter().map(|file| format!("[{}]", file.content_type));
        let parts = std::iter::once(reply.body.clone()).filter(|body| !body.is_empty()).chain(files);
        let text = parts.collect::<Vec<_>>().join(" ");
        match (reply.status.as_str(), reply.error_code) {
            ("sent" | "delivered", _) => line("Seen", &text),
            (status, Some(code)) => line("Lost", &format!("{text} ({status}, error {code})")),
            (status, None) => line("Queued", &format!("{text} ({status})")),
        }
    }));
    if report.auto_reply.is_none() && report.replies.is_empty() {
        lines.push(format!("Seen   nothing within {} s", args.wait));
    }
    lines.join("\n")
}

/// A label and a text, whose further lines are indented to it.
fn line(label: &str, text: &str) -> String {
    format!("{label:<6} {}", text.replace('\n', "\n       "))
}
