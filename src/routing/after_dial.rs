//! Answers a call after a dialled number did not answer: with the agent, or a message.

use tokio::time::Instant;

use super::answer::RoutedAnswer;
use super::{DialEnd, Reply, Routing, repeat};
use crate::domain::{AnswerStage, CallAnswer, CallId, CallOutcome, Cause};
use crate::store::Route;

impl Routing {
    /// Answers a call after the last number: nothing more if somebody answered, else a message.
    pub async fn dialed(&self, end: DialEnd) -> CallAnswer {
        if end.was_answered || end.caller_is_gone {
            return CallAnswer::HangUp;
        }
        let this = self.clone();
        let key = format!("dialed {}", end.sid);
        self.once(key, |reply| async move { this.apologize(&end, reply).await }).await
    }

    async fn apologize(&self, end: &DialEnd, reply: Reply) {
        let Some(route) = self.route_of(end).await else { return };
        // Claims no turn: any server would give the same apology.
        let stage = AnswerStage::AfterDial;
        let Some(reply) = repeat(reply, &route, stage) else { return };
        let answer = CallAnswer::apology(route.agent.language);
        let (outcome, causes) = (CallOutcome::Unavailable, Cause::DialUnanswered.into());
        tracing::info!(call = %route.call.id, agent = %route.agent.id, dialled = end.status, "dialled number did not answer");
        self.give(reply, &route, stage, RoutedAnswer { answer, outcome, causes }).await;
    }

    /// Answers a call after a number that rang before the agent: nothing more if somebody answered, else the agent.
    pub async fn forwarded(&self, end: DialEnd) -> CallAnswer {
        if end.was_answered || end.caller_is_gone {
            return CallAnswer::HangUp;
        }
        let this = self.clone();
        let key = format!("forwarded {}", end.sid);
        self.once(key, |reply| async move { this.agent_after_forward(&end, reply).await }).await
    }

    async fn agent_after_forward(&self, end: &DialEnd, reply: Reply) {
        let until = Instant::now() + self.0.answer_deadline;
        let Some(route) = self.route_of(end).await else { return };
        let stage = AnswerStage::AfterForward;
        let in_turn = self.in_turn(route, stage, until, reply, async |mut route| {
            route.call.decision = route.call.decision.then(&Cause::ForwardUnanswered.into());
            let answer = self.agent(&route, until).await;
            (route, answer)
        });
        let Some((reply, route, answer)) = in_turn.await else { return };
        tracing::info!(
            call = %route.call.id,
            agent = %route.agent.id,
            dialled = end.status,
            outcome = %answer.outcome,
            reason = %answer.causes,
            "number dialled before the agent did not answer"
        );
        self.give(reply, &route, stage, answer).await;
    }

    /// The route of the call that dialled a number.
    async fn route_of(&self, end: &DialEnd) -> Option<Route> {
        let sid = &end.sid;
        let known =
            self.0.records.ask(self.0.store.route_by_sid(sid), "routing after a dialled call", sid).await;
        let route = match known {
            Ok(Some(route)) => Some(route),
            // The call's record may still wait in another server's journal.
            Ok(None) | Err(_) => {
                let id = CallId(self.0.entropy.uuid(self.0.clock.now()));
                end.call.as_ref().and_then(|call| self.route_from_memory(id, call))
            }
        };
        let route = route.map(|route| Route { forwarded_from: end.forwarded_from.clone(), ..route });
        if route.is_none() {
            tracing::warn!(sid, "dialled call ended, but its caller's call is unknown");
        }
        route
    }
}
