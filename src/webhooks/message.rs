//! The carrier's webhooks for text messages: one came in, our answer failed, the status of one that was sent changed.
//!
//! The answer is always an empty document: whatever is to be said is sent as a message of its own, because the carrier waits
//! only a few seconds and would send a plain text to the participant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::Webhooks;
use super::call::xml;
use super::verified::Verified;
use crate::carrier::{MessageRequest, MessageStatusCallback, Twiml};
use crate::domain::{MessageReport, delivery_problem};

/// A message came in (`SmsUrl`), or the answer to it failed (`SmsFallbackUrl`).
pub(super) async fn incoming(
    State(webhooks): State<Arc<Webhooks>>,
    Verified { parameters, sender }: Verified,
) -> Response {
    let request = match MessageRequest::read(&parameters, webhooks.clock.now()) {
        Ok(request) => request,
        Err(odd) => {
            // Repeated, it would be as unreadable.
            tracing::error!(%odd, "unreadable Twilio message webhook: find the message in Twilio's log");
            return done();
        }
    };
    if let Some(refusal) = webhooks.foreign(&sender, &request.account_sid, Some(&request.message.to)).await {
        return refusal;
    }
    match webhooks.inbox.receive(&request.message).await {
        Ok(()) => done(),
        Err(error) => {
            let sid = request.message.sid;
            tracing::error!(
                sid,
                error = &error as &dyn std::error::Error,
                "message not kept: the carrier tries the fallback URL"
            );
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The status of a message changed (`StatusCallback`).
pub(super) async fn status(
    State(webhooks): State<Arc<Webhooks>>,
    uri: Uri,
    Verified { parameters, sender }: Verified,
) -> Response {
    // Our id of the message, which we put into the URL, and which the signature covers.
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let id = query.into_iter().find(|(name, _)| name == "message").map(|(_, id)| id.into_owned());
    match MessageStatusCallback::read(&parameters, id.as_deref()) {
        Ok(callback) => {
            if let Some(refusal) = webhooks.foreign(&sender, &callback.account_sid, None).await {
                return refusal;
            }
            if let Some(refusal) = webhooks.about_anothers_message(&sender, &callback.sid, callback.id).await
            {
                return refusal;
            }
            // Awaited: a status that cannot be written now is found by the sweep.
            webhooks.record_message_status(&callback).await;
        }
        Err(odd) => tracing::warn!(%odd, "unreadable Twilio message status callback"),
    }
    done()
}

impl Webhooks {
    async fn record_message_status(&self, callback: &MessageStatusCallback) {
        let sid = &callback.sid;
        let Some(status) = callback.status else {
            let word = &callback.word;
            tracing::warn!(sid, word, "message status ignored: Twilio sent a word that it does not document");
            return;
        };
        let report = MessageReport {
            sid: sid.clone(),
            status,
            error: callback.error_code.map(|code| delivery_problem(code).into()),
            segments: None,
            price: None,
            sent_at: None,
        };
        match self.inbox.report(callback.id, &report).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(sid, "status of an unknown message ignored"),
            Err(error) => {
                tracing::warn!(sid, %error, "message status not recorded: the carrier is asked later");
            }
        }
    }
}

fn done() -> Response {
    xml(Twiml::default().to_string())
}
