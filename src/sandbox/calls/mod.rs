//! Calls, placed as the carrier places them: a signed webhook to the number's owner, the TwiML obeyed, a signed
//! status callback at the end. No voice is carried; what the caller would have heard is told in words.
//!
//! A call that is held stays in progress, over a restart too, until it is hung up.

mod line;
mod twiml;
mod webhook;

use std::collections::BTreeMap;

use chrono::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SandboxError, Shared, ambient,
    state::{Call, Conversation, State, Story},
};
use twiml::{Method, Target};

pub(crate) use webhook::client;

/// A call to be placed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// An owned number, E.164.
    to: String,
    /// The caller; a fictional American number when left out.
    from: Option<String>,
    /// The SID, to repeat an earlier call's webhook as Twilio's retries do.
    call_sid: Option<String>,
    /// How long an agent or a dialled person is talked to; half a minute when left out.
    duration_seconds: Option<u64>,
    #[serde(default)]
    dial_result: DialResult,
    /// The carrier's word on the caller's number, such as `TN-Validation-Passed-A`.
    stir: Option<String>,
    /// Keep the call open once an agent talks, until it is hung up.
    #[serde(default)]
    hold: bool,
    /// Further parameters of the webhooks, such as `ForwardedFrom` or `CallerName`.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// What becomes of a `<Dial>`.
#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DialResult {
    Completed,
    Busy,
    #[default]
    NoAnswer,
    Failed,
}

impl DialResult {
    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
        }
    }
}

/// Places a call and follows it to its end, or until it is held. None when the account does not own the number.
pub(crate) async fn place(sandbox: Shared, order: Order) -> Result<Option<Call>, SandboxError> {
    let Some(call) = sandbox.store.change(|state| begun(state, &order))? else { return Ok(None) };
    let sid = call.sid.clone();
    let mut line = line::Line::new(sandbox.clone(), call, order);
    let outcome = line.run().await?;
    let story = line.story();
    let is_over = sandbox.store.change(|state| {
        if let Some(call) = state.call_mut(&sid) {
            call.story = story;
        }
        outcome.is_some_and(|end| finish(state, &sid, end.status, Some(end.seconds)).is_some())
    })?;
    if is_over {
        report_end(sandbox.clone(), sid.clone()).await;
    }
    let state = sandbox.store.read();
    Ok(state.calls.iter().find(|call| call.sid == sid).cloned())
}

/// Records a call that begins to ring; a repeated SID begins again.
fn begun(state: &mut State, order: &Order) -> Option<Call> {
    let number = state.number(&order.to)?.clone();
    let sid = order.call_sid.clone().unwrap_or_else(|| ambient::sid("CA"));
    let mut parameters = order.parameters.clone();
    if let Some(stir) = &order.stir {
        parameters.insert("StirVerstat".to_owned(), stir.clone());
    }
    let call = Call {
        serial: state.serial(),
        sid: sid.clone(),
        number_sid: number.sid,
        kind: number.kind,
        country: number.country,
        from: order.from.clone().unwrap_or_else(|| "+13125550199".to_owned()),
        to: number.phone_number,
        status: "ringing".to_owned(),
        started: state.now(),
        ended: None,
        duration_seconds: 0,
        wanted_seconds: order.duration_seconds,
        parameters,
        story: Story::default(),
    };
    state.calls.retain(|known| known.sid != sid);
    state.calls.push(call.clone());
    state.counters.calls_placed += 1;
    Some(call)
}

/// Hangs up a call in progress. None when there is none.
pub(crate) fn end(sandbox: &Shared, sid: &str) -> Result<Option<Call>, SandboxError> {
    sandbox.store.change(|state| finish(state, sid, "completed", None))
}

/// Ends a call and its conversation. None when it is over already. Without seconds it lasted as long as was wished
/// for, else as long as it really did.
fn finish(state: &mut State, sid: &str, status: &str, seconds: Option<u64>) -> Option<Call> {
    let now = state.now();
    let call = state.call_mut(sid).filter(|call| !call.is_over())?;
    let elapsed = (now - call.started).num_seconds().max(0).unsigned_abs();
    let seconds = seconds.or(call.wanted_seconds).unwrap_or(elapsed);
    status.clone_into(&mut call.status);
    call.duration_seconds = seconds;
    call.ended =
        Some(call.started + Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000)));
    let call = call.clone();
    let talking = |conversation: &&mut Conversation| {
        conversation.call_sid.as_deref() == Some(sid) && conversation.status == "in-progress"
    };
    for conversation in state.conversations.iter_mut().filter(talking) {
        conversation.status = "done".to_owned();
        conversation.duration_seconds = seconds;
        conversation.termination_reason = "The caller hung up".to_owned();
    }
    Some(call)
}

/// Sends the number's status callback for a call that is over, and notes how it was answered.
pub(crate) async fn report_end(sandbox: Shared, sid: String) {
    let found = {
        let state = sandbox.store.read();
        let call = state.calls.iter().find(|call| call.sid == sid && call.is_over()).cloned();
        call.and_then(|call| {
            let number = state.numbers.iter().find(|number| number.sid == call.number_sid)?.clone();
            Some((call, number))
        })
    };
    let Some((call, number)) = found else { return };
    let Some(target) =
        Target::of(number.setting("status_callback"), number.setting("status_callback_method"))
    else {
        return;
    };
    let mut fields = webhook::fields(&sandbox, &call, &call.status);
    let ended = call.ended.unwrap_or(call.started);
    for (name, value) in [
        ("CallDuration", call.duration_seconds.to_string()),
        ("Duration", call.duration_seconds.div_ceil(60).to_string()),
        ("Timestamp", ended.format("%a, %d %b %Y %H:%M:%S +0000").to_string()),
        ("CallbackSource", "call-progress-events".to_owned()),
        ("SequenceNumber", "0".to_owned()),
    ] {
        fields.push((name.to_owned(), value));
    }
    let answer = webhook::send(&sandbox, &target, &fields).await;
    let noted = sandbox.store.change(|state| {
        if let Some(call) = state.call_mut(&sid) {
            call.story.status_callback = Some(answer);
        }
    });
    if let Err(error) = noted {
        tracing::error!(%error, "a status callback's answer could not be saved");
    }
}

/// A call for people and tests.
pub(crate) fn rendered(call: &Call) -> Value {
    let story = &call.story;
    json!({
        "call_sid": call.sid, "number_sid": call.number_sid, "from": call.from, "to": call.to,
        "status": call.status, "duration_seconds": call.duration_seconds,
        "answered_with": story.answered_with, "heard": story.heard, "agent": story.agent,
        "conversation_id": story.conversation_id, "status_callback": story.status_callback,
    })
}
