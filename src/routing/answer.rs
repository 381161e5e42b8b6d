//! The ladder itself: agent, fallback number, sentence.

use std::time::Duration;

use tokio::time::Instant;

use super::{Routing, leads_back, sorry};
use crate::carrier::{Dial, Twiml, Verb};
use crate::domain::{AgentStatus, CallOutcome};
use crate::store::Route;
use crate::voice::CallToRegister;

/// How long a fallback number may ring before the caller hears a sentence.
const RING_SECONDS: u16 = 20;
/// Kept free of the deadline for writing the answer down.
const RECORDING: Duration = Duration::from_millis(500);

/// What a call is answered with.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) twiml: String,
    pub(super) outcome: CallOutcome,
    pub(super) conversation_id: Option<String>,
    /// For the log.
    pub(super) reason: &'static str,
}

impl Routing {
    pub(super) async fn decide(&self, route: &Route, until: Instant) -> Answer {
        let voice_agent_id = match (&route.agent.voice_agent_id, route.agent.status) {
            (Some(id), AgentStatus::Active) => id,
            (_, AgentStatus::Pending) | (None, AgentStatus::Active) => {
                return self.fall_back(route, "the agent does not exist yet");
            }
            (_, AgentStatus::Inactive) => return self.fall_back(route, "the agent is inactive"),
            (_, AgentStatus::Deleted) => return self.fall_back(route, "the agent is deleted"),
        };
        if !route.admitted {
            return self.fall_back(route, "the plan's concurrent calls are used up");
        }
        let call = CallToRegister {
            voice_agent_id,
            from: &route.call.from,
            to: &route.call.to,
            call_sid: &route.call.sid,
        };
        let remaining = until.saturating_duration_since(Instant::now()).saturating_sub(RECORDING);
        match self.0.voice.register_call(call, remaining).await {
            Ok(registered) => Answer {
                twiml: registered.twiml,
                outcome: CallOutcome::Agent,
                conversation_id: registered.conversation_id,
                reason: "the agent takes it",
            },
            Err(error) => {
                tracing::error!(%error, call = %route.call.id, agent = %route.agent.id, "the voice provider did not take a call");
                self.fall_back(route, "the voice provider failed")
            }
        }
    }

    /// The fallback number, else a sentence in the agent's language.
    pub(super) fn fall_back(&self, route: &Route, reason: &'static str) -> Answer {
        let number = route.agent.fallback_number.as_ref().filter(|number| !leads_back(number, route));
        let (twiml, outcome) = match number {
            Some(number) => {
                let dial = Dial {
                    number: number.clone(),
                    timeout_seconds: RING_SECONDS,
                    action: Some(self.0.dial_action.clone()),
                    caller_id: None,
                };
                (Twiml(vec![Verb::Dial(dial)]).to_string(), CallOutcome::Fallback)
            }
            None if !route.admitted => (sorry(route.agent.language), CallOutcome::Busy),
            None => (sorry(route.agent.language), CallOutcome::Unavailable),
        };
        Answer { twiml, outcome, conversation_id: None, reason }
    }
}
