//! What is reported of a call afterwards: how dialling the fallback number went, how the call ended.

use super::{Routing, sorry};
use crate::carrier::{CallStatusReport, DialResult, Twiml, Verb};
use crate::domain::{CallOutcome, CallReport, Language};
use crate::store::StoreError;

/// The database did not take a report: it should be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report could not be written down")]
pub struct NotRecorded;

impl Routing {
    /// The TwiML that follows a dialled fallback number: nothing more if somebody answered, else a sentence.
    pub async fn dialed(&self, result: &DialResult) -> String {
        if result.was_answered() {
            return Twiml(vec![Verb::Hangup]).to_string();
        }
        let found =
            tokio::time::timeout(self.0.answer_deadline / 2, self.0.store.call_by_sid(&result.call_sid));
        let Ok(Ok(Some((call, agent)))) = found.await else {
            tracing::error!(
                sid = result.call_sid,
                "the call of an unanswered fallback number could not be found"
            );
            return sorry(Language::default());
        };
        tracing::info!(call = %call.id, agent = %agent.id, dialled = result.dial_call_status, "the fallback number did not answer");
        let twiml = sorry(agent.language);
        let recorded = self.0.store.record_answer(call.id, CallOutcome::Unavailable, None, &twiml);
        match tokio::time::timeout(self.0.answer_deadline / 2, recorded).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log("an unanswered fallback number", &result.call_sid, &error),
            Err(_) => tracing::error!(
                sid = result.call_sid,
                "an unanswered fallback number could not be written down in time"
            ),
        }
        twiml
    }

    /// Takes what the carrier reports of a call. A report that cannot be kept is not asked for again: the carrier
    /// would not send it, and [`super::Sweep`] asks instead.
    pub async fn status(&self, report: &CallStatusReport) {
        let Some(status) = report.status else {
            tracing::warn!(
                sid = report.call_sid,
                word = report.word,
                "the carrier reports a call's status in a word it does not document: left as it was"
            );
            return;
        };
        let at = report.at.unwrap_or_else(|| self.0.clock.now());
        let told = CallReport { status, duration_seconds: report.duration_seconds, at };
        let reported = self.0.store.report_call(&report.call_sid, told).await;
        match reported {
            Ok(Some(call)) => {
                tracing::info!(call = %call.id, status = %call.status, "a call's status was reported");
            }
            Ok(None) => {
                tracing::warn!(sid = report.call_sid, %status, "the carrier reports a call we never took: nothing to change");
            }
            Err(error) => log("a call's status", &report.call_sid, &error),
        }
    }
}

pub(super) fn log(what: &str, id: &str, error: &StoreError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, id, "{what} could not be written down");
}
