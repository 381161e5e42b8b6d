//! Test calls, placed as Twilio places inbound calls: a signed webhook to the number's owner, execution of
//! the returned TwiML, and a signed status callback at the end. No audio is carried; the trace describes in
//! words what the caller would hear.
//!
//! A held call stays in progress until it is hung up, also across a restart.

mod live_call;
mod twiml;

use std::collections::BTreeMap;

use chrono::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    SandboxError, Shared, ambient,
    state::{Call, CallTrace, Conversation, ProviderState},
    upkeep,
    webhook::{self, Subject, Target},
};

/// Request to place a call.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallRequest {
    /// Called number in E.164 form. An account must own it.
    to: String,
    /// Caller's number. Default: a fictional American number.
    from: Option<String>,
    /// Call SID. Set it to repeat an earlier call's webhook, as Twilio's retries do.
    call_sid: Option<String>,
    /// Duration of the conversation with an agent or a dialled person. Default: 30 s.
    duration_seconds: Option<u64>,
    #[serde(default)]
    dial_result: DialResult,
    /// STIR/SHAKEN result for the caller's number, such as `TN-Validation-Passed-A`.
    stir: Option<String>,
    /// Whether to keep the call in progress once an agent talks, until it is hung up.
    #[serde(default)]
    hold: bool,
    /// Further parameters of the webhooks, such as `ForwardedFrom` or `CallerName`.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// Result of every `<Dial>` of a call.
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

/// Places a call and runs it until it is over or held. Returns `None` if no account owns the number.
pub(crate) async fn place(sandbox: Shared, request: CallRequest) -> Result<Option<Call>, SandboxError> {
    upkeep::settle(&sandbox);
    let Some(call) = sandbox.store.change(|state| start(state, &request))? else { return Ok(None) };
    let sid = call.sid.clone();
    let mut live_call = live_call::LiveCall::new(sandbox.clone(), call, request);
    // Without the state's lock: a receiver of webhooks calls the providers before it answers.
    let outcome = live_call.run().await?;
    let trace = live_call.into_trace();
    let is_over = sandbox.store.change(|state| {
        if let Some(call) = state.call_mut(&sid) {
            call.trace = trace;
        }
        outcome.is_some_and(|end| finish(state, &sid, end.status, Some(end.seconds)).is_some())
    })?;
    if is_over {
        // After the change: the receiver may ask for the call before it answers.
        report_end(sandbox.clone(), sid.clone()).await;
    }
    let state = sandbox.store.read();
    Ok(state.calls.iter().find(|call| call.sid == sid).cloned())
}

/// Records a ringing call. A call with the same SID is replaced.
fn start(state: &mut ProviderState, request: &CallRequest) -> Option<Call> {
    let number = state.number(&request.to)?.clone();
    let sid = request.call_sid.clone().unwrap_or_else(|| ambient::sid("CA"));
    let mut parameters = request.parameters.clone();
    if let Some(stir) = &request.stir {
        parameters.insert("StirVerstat".to_owned(), stir.clone());
    }
    let call = Call {
        serial: state.serial(),
        sid: sid.clone(),
        account: number.account,
        number_sid: number.sid,
        kind: number.kind,
        country: number.country,
        // A number from a range that is reserved for fiction, like those in stock.
        from: request.from.clone().unwrap_or_else(|| "+13125550199".to_owned()),
        to: number.phone_number,
        status: "ringing".to_owned(),
        started: state.now(),
        ended: None,
        duration_seconds: 0,
        wanted_seconds: request.duration_seconds,
        parameters,
        trace: CallTrace::default(),
    };
    // A repeated SID is a retry of the same call, not a second one.
    state.calls.retain(|known| known.sid != sid);
    state.calls.push(call.clone());
    state.counters.calls_placed += 1;
    Some(call)
}

/// Hangs up a call in progress. Returns `None` if there is none with this SID.
pub(crate) fn end(sandbox: &Shared, sid: &str) -> Result<Option<Call>, SandboxError> {
    sandbox.store.change(|state| finish(state, sid, "completed", None))
}

/// Ends a call and its conversation. Returns `None` if it is already over. Its duration is `seconds`, else
/// the requested duration, else the time since its start.
fn finish(state: &mut ProviderState, sid: &str, status: &str, seconds: Option<u64>) -> Option<Call> {
    let now = state.now();
    let call = state.call_mut(sid).filter(|call| !call.is_over())?;
    let elapsed = (now - call.started).num_seconds().max(0).unsigned_abs();
    // Bounded, so that the end of the call is a date.
    let seconds = seconds.or(call.wanted_seconds).unwrap_or(elapsed).min(24 * 3600);
    status.clone_into(&mut call.status);
    call.duration_seconds = seconds;
    call.ended = Some(call.started + Duration::seconds(seconds.cast_signed()));
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

/// Sends the number's status callback for a finished call and records the response in its trace.
pub(crate) async fn report_end(sandbox: Shared, sid: String) {
    let found = {
        let state = sandbox.store.read();
        let call = state.calls.iter().find(|call| call.sid == sid && call.is_over()).cloned();
        // Nothing is sent for an account that is not active.
        let call = call.filter(|call| state.is_active(&call.account));
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
    let mut fields = webhook_fields(&call, &call.status);
    let ended = call.ended.unwrap_or(call.started);
    for (name, value) in [
        ("CallDuration", call.duration_seconds.to_string()),
        // `Duration` is in started minutes, and undocumented.
        ("Duration", call.duration_seconds.div_ceil(60).to_string()),
        ("Timestamp", ended.format("%a, %d %b %Y %H:%M:%S +0000").to_string()),
        ("CallbackSource", "call-progress-events".to_owned()),
        ("SequenceNumber", "0".to_owned()),
    ] {
        fields.push((name.to_owned(), value));
    }
    let exchange = webhook::send(&sandbox, &call.account, Subject::Call, &target, &fields).await;
    let saved = sandbox.store.change(|state| {
        if let Some(call) = state.call_mut(&sid) {
            call.trace.status_callback = Some(exchange);
        }
    });
    if let Err(error) = saved {
        tracing::error!(%error, "saving a status callback's response failed");
    }
}

/// Returns the parameters of every voice webhook of a call.
fn webhook_fields(call: &Call, status: &str) -> Vec<(String, String)> {
    let mut fields = vec![
        ("CallSid".to_owned(), call.sid.clone()),
        ("AccountSid".to_owned(), call.account.clone()),
        ("ApiVersion".to_owned(), "2010-04-01".to_owned()),
        ("Direction".to_owned(), "inbound".to_owned()),
        ("CallStatus".to_owned(), status.to_owned()),
    ];
    // `Caller` and `Called` repeat `From` and `To`. They are undocumented, but real requests have them.
    for (names, number) in [(["From", "Caller"], &call.from), (["To", "Called"], &call.to)] {
        for name in names {
            fields.push((name.to_owned(), number.clone()));
            fields.extend(webhook::place_fields(name, number));
        }
    }
    fields.extend(call.parameters.clone());
    fields
}

/// Returns a call with its trace, as the control API shows it.
pub(crate) fn to_json(call: &Call) -> Value {
    let trace = &call.trace;
    json!({
        "call_sid": call.sid, "account_sid": call.account, "number_sid": call.number_sid, "from": call.from, "to": call.to,
        "status": call.status, "duration_seconds": call.duration_seconds,
        "answered_with": trace.answered_with, "heard": trace.heard, "agent": trace.agent,
        "conversation_id": trace.conversation_id, "status_callback": trace.status_callback,
    })
}
