//! The carrier's requests about a call: it comes in, our answer failed, a dialled number is done, it ended.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Webhooks;
use super::verified::Verified;
use crate::carrier::{CallStatusReport, DialResult, IncomingCall, Twiml};
use crate::domain::{CallReport, Invalid, Language};
use crate::routing::sorry;

/// A call comes in: `VoiceUrl`.
pub(super) async fn incoming(
    State(webhooks): State<Arc<Webhooks>>,
    Verified(parameters): Verified,
) -> Response {
    let call = match IncomingCall::read(&parameters) {
        Ok(call) => call,
        Err(odd) => return answer_odd("incoming", &odd),
    };
    if let Some(refusal) = webhooks.foreign(&call.account_sid) {
        return refusal;
    }
    xml(webhooks.routing.answer(&call).await)
}

/// The answer to [`incoming`] failed: `VoiceFallbackUrl`.
pub(super) async fn fallback(
    State(webhooks): State<Arc<Webhooks>>,
    Verified(parameters): Verified,
) -> Response {
    let call = match IncomingCall::read(&parameters) {
        Ok(call) => call,
        Err(odd) => return answer_odd("fallback", &odd),
    };
    if let Some(refusal) = webhooks.foreign(&call.account_sid) {
        return refusal;
    }
    xml(webhooks.routing.fallback(&call).await)
}

/// A dialled fallback number is done: `<Dial action>`.
pub(super) async fn dial(State(webhooks): State<Arc<Webhooks>>, Verified(parameters): Verified) -> Response {
    let result = match DialResult::read(&parameters) {
        Ok(result) => result,
        Err(odd) => return answer_odd("dial", &odd),
    };
    if let Some(refusal) = webhooks.foreign(&result.account_sid) {
        return refusal;
    }
    xml(webhooks.routing.dialed(&result).await)
}

/// A number that rang before the agent is done: `<Dial action>`.
pub(super) async fn forwarded(
    State(webhooks): State<Arc<Webhooks>>,
    Verified(parameters): Verified,
) -> Response {
    let result = match DialResult::read(&parameters) {
        Ok(result) => result,
        Err(odd) => return answer_odd("forwarded", &odd),
    };
    if let Some(refusal) = webhooks.foreign(&result.account_sid) {
        return refusal;
    }
    xml(webhooks.routing.forwarded(&result).await)
}

/// A call ended: `StatusCallback`. The answer's content is ignored.
pub(super) async fn status(
    State(webhooks): State<Arc<Webhooks>>,
    Verified(parameters): Verified,
) -> Response {
    match CallStatusReport::read(&parameters) {
        Ok(report) => {
            if let Some(refusal) = webhooks.foreign(&report.account_sid) {
                return refusal;
            }
            record_status(&webhooks, &report).await;
        }
        Err(odd) => tracing::warn!(%odd, "the carrier reports a status we cannot read"),
    }
    xml(Twiml::default().to_string())
}

async fn record_status(webhooks: &Webhooks, report: &CallStatusReport) {
    let sid = &report.call_sid;
    let Some(status) = report.status else {
        tracing::warn!(
            sid,
            word = report.word,
            "call status ignored: Twilio sent a word that it does not document"
        );
        return;
    };
    let at = report.at.unwrap_or_else(|| webhooks.clock.now());
    let report = CallReport { status, duration_seconds: report.duration_seconds, at };
    webhooks.records.report(sid, report).await;
}

fn answer_odd(route: &'static str, odd: &Invalid) -> Response {
    tracing::warn!(route, %odd, "the carrier asks for a call we cannot make out");
    xml(sorry(Language::default()))
}

fn xml(twiml: String) -> Response {
    ([(header::CONTENT_TYPE, Twiml::CONTENT_TYPE)], twiml).into_response()
}
