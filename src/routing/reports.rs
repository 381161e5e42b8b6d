//! What is reported of a call afterwards: how dialling a number went, how the call ended.

use tokio::time::Instant;

use super::answer::Answer;
use super::outage::Entry;
use super::turn::InTurn;
use super::{NoAnswer, Reply, Routing, sorry};
use crate::carrier::{CallStatusReport, DialResult, Twiml, Verb};
use crate::domain::{CallId, CallOutcome, CallReport};
use crate::store::Route;

impl Routing {
    /// The TwiML that follows a dialled number: nothing more if somebody answered, else a sentence.
    pub async fn dialed(&self, result: &DialResult) -> String {
        if result.was_answered() || result.caller_is_gone {
            return hang_up();
        }
        let (this, result) = (self.clone(), result.clone());
        let key = format!("dialed {}", result.call_sid);
        self.once(key, |reply| async move { this.dialed_in_vain(&result, reply).await }).await
    }

    async fn dialed_in_vain(&self, result: &DialResult, reply: Reply) {
        let Some(route) = self.route_of(result).await else { return };
        if let Some(answered) = already(&route, &self.0.dial_action) {
            // Whoever asked may be gone.
            let _ = reply.send(answered);
            return;
        }
        let twiml = sorry(route.agent.language);
        let reason = "nobody answered at the number dialled, and the caller hears a sentence";
        let outcome = CallOutcome::Unavailable;
        let answer = Answer { twiml, outcome, conversation_id: None, reason: reason.into() };
        tracing::info!(call = %route.call.id, agent = %route.agent.id, dialled = result.dial_call_status, "a dialled number did not answer");
        self.give(reply, &route, answer).await;
    }

    /// The TwiML that follows a number that rang before the agent: nothing more if somebody answered, else the agent.
    pub async fn forwarded(&self, result: &DialResult) -> String {
        if result.was_answered() || result.caller_is_gone {
            return hang_up();
        }
        let (this, result) = (self.clone(), result.clone());
        let key = format!("forwarded {}", result.call_sid);
        self.once(key, |reply| async move { this.forwarded_in_vain(&result, reply).await }).await
    }

    async fn forwarded_in_vain(&self, result: &DialResult, reply: Reply) {
        let until = Instant::now() + self.0.answer_deadline;
        let Some(route) = self.route_of(result).await else { return };
        let answered = |route: &Route| already(route, &self.0.forward_action);
        let in_turn = self.in_turn(route, until, answered, async |mut route| {
            route.call.decision = route.call.decision.then("nobody answered there");
            let answer = self.agent(&route, until).await;
            (route, answer)
        });
        let (route, answer) = match in_turn.await {
            InTurn::Answered(twiml) => {
                // Whoever asked may be gone.
                let _ = reply.send(twiml);
                return;
            }
            InTurn::Ours(route, answer) => (route, answer),
        };
        tracing::info!(
            call = %route.call.id,
            agent = %route.agent.id,
            dialled = result.dial_call_status,
            outcome = %answer.outcome,
            reason = %answer.reason,
            "a number that rang first did not answer"
        );
        self.give(reply, &route, answer).await;
    }

    /// The call that dialled a number.
    async fn route_of(&self, result: &DialResult) -> Option<Route> {
        let sid = &result.call_sid;
        let known = self.ask(self.0.store.route_by_sid(sid), "a dialled number's end", sid).await;
        let route = match known {
            Ok(Some(route)) => Some(route),
            Ok(None) | Err(_) => {
                let id = CallId(self.0.entropy.uuid(self.0.clock.now()));
                let call = super::announced_by_dial(result);
                call.and_then(|call| self.route_from_memory(id, &call))
            }
        };
        let route = route.map(|route| Route { forwarded_from: result.forwarded_from.clone(), ..route });
        if route.is_none() {
            tracing::warn!(sid, "a number was dialled by a call of which nothing is known");
        }
        route
    }

    /// Takes what the carrier reports of a call. A report that the database does not take waits, and so does one of a call
    /// that is not on record yet: the carrier would not send it again.
    pub async fn status(&self, report: &CallStatusReport) {
        let (this, report) = (self.clone(), report.clone());
        // To its end, even if whoever reports hangs up.
        let recorded = tokio::spawn(async move { this.record_status(&report).await });
        if recorded.await.is_err() {
            tracing::error!("recording a call's status panicked");
        }
    }

    async fn record_status(&self, report: &CallStatusReport) {
        let sid = &report.call_sid;
        let Some(status) = report.status else {
            tracing::warn!(
                sid,
                word = report.word,
                "the carrier reports a call's status in a word it does not document: left as it was"
            );
            return;
        };
        let at = report.at.unwrap_or_else(|| self.0.clock.now());
        // Asked first: should its record be written this very moment, the report follows it through the journal.
        let told = if self.waits(sid) {
            Err(NoAnswer::Away)
        } else {
            let told = CallReport { status, duration_seconds: report.duration_seconds, at };
            self.ask(self.0.store.report_call(sid, told), "a call's status", sid).await
        };
        match told {
            Ok(Some(call)) => {
                tracing::info!(call = %call.id, status = %call.status, "a call's status was reported");
            }
            // Its call may wait in another server's journal.
            Ok(None) | Err(_) => self.0.journal.add(&Entry::Report {
                sid: sid.clone(),
                status: status.to_string(),
                duration_seconds: report.duration_seconds,
                at,
            }),
        }
    }
}

/// What followed the number dialled when its end was reported before: the call's last answer, once that is not the one
/// that dialled and has its end reported to `action`.
fn already(route: &Route, action: &str) -> Option<String> {
    route.answered.clone().filter(|answered| !answered.contains(action))
}

fn hang_up() -> String {
    Twiml(vec![Verb::Hangup]).to_string()
}
