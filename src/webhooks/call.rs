//! The carrier's webhooks for a call: it came in, our answer failed, a dialled call ended, its status changed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Webhooks;
use super::verified::{Sender, Verified};
use crate::carrier::{DialCallback, StatusCallback, Twiml, VoiceRequest};
use crate::domain::{CallAnswer, CallReport, E164, IncomingCall, Invalid, Language};
use crate::routing::DialEnd;

/// A call came in (`VoiceUrl`).
pub(super) async fn incoming(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    let request = match VoiceRequest::read(&parameters) {
        Ok(request) => request,
        Err(odd) => return webhooks.answer_unreadable("incoming", &odd),
    };
    if let Some(refusal) = webhooks.misplaced(&sender, &request).await {
        return refusal;
    }
    let (call, forwarded_from) = announced(request);
    webhooks.kept.note_call(&call.to, forwarded_from.as_ref());
    webhooks.twiml(webhooks.routing.answer(call, forwarded_from).await)
}

/// The answer to [`incoming`] failed (`VoiceFallbackUrl`).
pub(super) async fn fallback(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    let request = match VoiceRequest::read(&parameters) {
        Ok(request) => request,
        Err(odd) => return webhooks.answer_unreadable("fallback", &odd),
    };
    if let Some(refusal) = webhooks.misplaced(&sender, &request).await {
        return refusal;
    }
    let (call, forwarded_from) = announced(request);
    webhooks.twiml(webhooks.routing.fallback(call, forwarded_from).await)
}

/// The call to a fallback number ended (`<Dial action>`).
pub(super) async fn dial(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    let callback = match DialCallback::read(&parameters) {
        Ok(callback) => callback,
        Err(odd) => return webhooks.answer_unreadable("dial", &odd),
    };
    if let Some(refusal) = webhooks.misplaced_dial(&sender, &callback).await {
        return refusal;
    }
    webhooks.twiml(webhooks.routing.dialed(dial_end(callback)).await)
}

/// The call to a number that rang before the agent ended (`<Dial action>`).
pub(super) async fn forwarded(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    let callback = match DialCallback::read(&parameters) {
        Ok(callback) => callback,
        Err(odd) => return webhooks.answer_unreadable("forwarded", &odd),
    };
    if let Some(refusal) = webhooks.misplaced_dial(&sender, &callback).await {
        return refusal;
    }
    webhooks.twiml(webhooks.routing.forwarded(dial_end(callback)).await)
}

/// The status of a call changed (`StatusCallback`). The carrier ignores the content of the answer.
pub(super) async fn status(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    match StatusCallback::read(&parameters) {
        Ok(callback) => {
            // By the call, not by its number, which may have been moved since.
            if let Some(refusal) = webhooks.foreign(&sender, &callback.account_sid, None).await {
                return refusal;
            }
            if let Some(refusal) = webhooks.about_anothers_call(&sender, &callback.call_sid).await {
                return refusal;
            }
            // Awaited: once it is acknowledged, Twilio does not send a status again.
            webhooks.record_status(&callback).await;
        }
        Err(odd) => tracing::warn!(%odd, "unreadable Twilio status callback"),
    }
    // Any other answer would raise a warning at Twilio.
    xml(Twiml::default().to_string())
}

impl Webhooks {
    /// Rejects a call that is not one of the account that announces it.
    async fn misplaced(&self, sender: &Sender, request: &VoiceRequest) -> Option<Response> {
        if let Some(refusal) = self.foreign(sender, &request.account_sid, Some(&request.to)).await {
            return Some(refusal);
        }
        self.about_anothers_call(sender, &request.call_sid).await
    }

    /// The same for the end of a dialled call. The number may have been moved since the call began, which the account of the call
    /// shows then.
    async fn misplaced_dial(&self, sender: &Sender, callback: &DialCallback) -> Option<Response> {
        if let Some(refusal) = self.foreign(sender, &callback.account_sid, None).await {
            return Some(refusal);
        }
        if let Some(refusal) = self.about_anothers_call(sender, &callback.call_sid).await {
            return Some(refusal);
        }
        let number = callback.to_number.as_ref()?;
        let is_known =
            self.holds(sender, number).await || self.accounts.is_call_on_record(&callback.call_sid).await;
        if is_known { None } else { self.foreign(sender, &callback.account_sid, Some(number)).await }
    }

    async fn record_status(&self, callback: &StatusCallback) {
        let sid = &callback.call_sid;
        let Some(status) = callback.status else {
            tracing::warn!(
                sid,
                word = callback.word,
                "call status ignored: Twilio sent a word that it does not document"
            );
            return;
        };
        // Twilio's time, if it sends one: callbacks may arrive late and out of order.
        let at = callback.at.unwrap_or_else(|| self.clock.now());
        let report = CallReport { status, duration_seconds: callback.duration_seconds, at };
        self.records.report(sid, report).await;
    }

    pub(super) fn twiml(&self, answer: CallAnswer) -> Response {
        xml(self.renderer.render(answer))
    }

    fn answer_unreadable(&self, route: &'static str, odd: &Invalid) -> Response {
        tracing::warn!(route, %odd, "unreadable Twilio webhook: the caller hears an apology");
        // With an error status, Twilio would send the same parameters to the fallback URL.
        self.twiml(CallAnswer::apology(Language::default()))
    }
}

/// Reads the call to answer, and the number that forwarded it.
fn announced(request: VoiceRequest) -> (IncomingCall, Option<E164>) {
    let VoiceRequest { call_sid: sid, account_sid: _, from, attestation, forwarded_from, to } = request;
    (IncomingCall { sid, from, attestation, to }, forwarded_from)
}

fn dial_end(callback: DialCallback) -> DialEnd {
    let was_answered = callback.was_answered();
    let DialCallback { call_sid: sid, from, to_number, .. } = callback;
    let call = to_number.map(|to| IncomingCall { sid: sid.clone(), from, attestation: None, to });
    DialEnd {
        sid,
        was_answered,
        caller_is_gone: callback.caller_is_gone,
        status: callback.dial_call_status,
        call,
        forwarded_from: callback.forwarded_from,
    }
}

pub(super) fn xml(twiml: String) -> Response {
    ([(header::CONTENT_TYPE, Twiml::CONTENT_TYPE)], twiml).into_response()
}
