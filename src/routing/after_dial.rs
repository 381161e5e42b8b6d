//! What follows when a dialled number did not answer: the agent, or a sentence.

use tokio::time::Instant;

use super::answer::Answer;
use super::turn::InTurn;
use super::{Reply, Routing, sorry};
use crate::carrier::{DialResult, Twiml, Verb};
use crate::domain::{CallId, CallOutcome};
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
        let known = self.0.records.ask(self.0.store.route_by_sid(sid), "a dialled number's end", sid).await;
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
}

/// What followed the number dialled when its end was reported before: the call's last answer, once that is not the one
/// that dialled and has its end reported to `action`.
fn already(route: &Route, action: &str) -> Option<String> {
    route.answered.clone().filter(|answered| !answered.contains(action))
}

fn hang_up() -> String {
    Twiml(vec![Verb::Hangup]).to_string()
}
