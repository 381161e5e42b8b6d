//! The ladder itself: what the rules say, agent, fallback number, sentence.
//!
//! Some numbers are never dialled ([`plan`]): the next rung takes the call.

use std::borrow::Cow;

use tokio::time::Instant;

use super::plan::{self, LEADS_BACK, NOT_ALLOWED, Plan, RINGS_ALREADY, Room};
use super::{Routing, say, sorry};
use crate::carrier::{Dial, RejectReason, Twiml, Verb};
use crate::domain::{CallOutcome, CallerId, E164, RoutingAction, mask};
use crate::store::{CallSlot, Route};
use crate::voice::{CallToRegister, VoiceError};

/// How long a number may ring that no rule says more about, before the caller hears a sentence.
const RING_SECONDS: u16 = 20;

/// What a call is answered with.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) twiml: String,
    pub(super) outcome: CallOutcome,
    pub(super) conversation_id: Option<String>,
    /// For the record and the log.
    pub(super) reason: Cow<'static, str>,
}

impl Routing {
    /// What is done with a call that comes in.
    pub(super) async fn decide(&self, route: &Route, until: Instant) -> Answer {
        let action = route.call.decision.rule.as_ref().map(|rule| &rule.action);
        let why_not = match action.and_then(RoutingAction::forwards_to) {
            Some(number) => self.why_not(route, number).await,
            None => None,
        };
        let (plan, passed_over) =
            plan::of(&route.call.decision, &route.agent, Room::of(route), |_forward| why_not);
        if let Some(why) = passed_over {
            let answer = self.agent(route, until).await;
            return Answer { reason: format!("{why}; {}", answer.reason).into(), ..answer };
        }
        let (outcome, reason) = (plan.outcome(), plan.reason());
        let twiml = match plan {
            Plan::Agent { voice_agent_id } => return self.connect(route, voice_agent_id, until).await,
            Plan::FallBack { why } => return self.fall_back(route, why).await,
            Plan::Forward { to, ring_seconds } => {
                dial(route, to, ring_seconds.unwrap_or(RING_SECONDS), &self.0.dial_action)
            }
            Plan::ForwardThenAgent { to, ring_seconds } => {
                dial(route, to, ring_seconds, &self.0.forward_action)
            }
            Plan::Message { text } => say(text, route.agent.language),
            Plan::Reject => reject(),
        };
        Answer { twiml, outcome, conversation_id: None, reason: reason.into() }
    }

    /// The agent, in so far as it can: the next step for a call that a rule had forwarded in vain, too.
    pub(super) async fn agent(&self, route: &Route, until: Instant) -> Answer {
        match plan::to_agent(&route.agent, Room::of(route)) {
            Plan::Agent { voice_agent_id } => self.connect(route, voice_agent_id, until).await,
            other => self.fall_back(route, other.reason()).await,
        }
    }

    /// Why a number is not dialled for this call: see [`plan`].
    async fn why_not(&self, route: &Route, number: &E164) -> Option<&'static str> {
        let own = self.0.store.dialing_of(route.call.tenant_id);
        if let Err(why) = self.0.dialing.for_tenant(&own).check(number) {
            tracing::warn!(call = %route.call.id, tenant = %route.call.tenant_id, number = mask(number.as_str()), %why, "number not dialled: not allowed");
            metrics::counter!("switchboard_dials_not_allowed_total").increment(1);
            return Some(NOT_ALLOWED);
        }
        let (called, caller) = (&route.call.to, CallerId::read(&route.call.from));
        let leads_back = plan::is_at_the_other_end(number, called, &caller, route.forwarded_from.as_ref())
            || self.0.store.leads_to(number, called);
        if leads_back {
            tracing::warn!(call = %route.call.id, number = mask(number.as_str()), "a number is not dialled: it leads back");
            return Some(LEADS_BACK);
        }
        // While the database does not answer or is too busy, the call is dialled: better once too often than not at all.
        let others = if route.slot == CallSlot::NotCounted {
            Vec::new()
        } else {
            let others = self.0.store.callers_ringing(&route.call, number);
            self.0.records.ask(others, "open calls", &route.call.sid).await.unwrap_or_default()
        };
        if !plan::rings_already(&caller, &others) {
            return None;
        }
        tracing::warn!(call = %route.call.id, number = mask(number.as_str()), "number not dialled: it rings for several calls of this caller already");
        Some(RINGS_ALREADY)
    }

    async fn connect(&self, route: &Route, voice_agent_id: &str, until: Instant) -> Answer {
        let call = CallToRegister {
            voice_agent_id,
            from: &route.call.from,
            to: &route.call.to,
            call_sid: &route.call.sid,
        };
        let remaining = until.saturating_duration_since(Instant::now());
        match self.0.voice.register_call(call, remaining).await {
            Ok(registered) => Answer {
                twiml: registered.twiml,
                outcome: CallOutcome::Agent,
                conversation_id: registered.conversation_id,
                reason: plan::AGENT_TAKES_IT.into(),
            },
            Err(error) => {
                tracing::error!(%error, call = %route.call.id, agent = %route.agent.id, "the voice provider did not take a call");
                self.fall_back(route, why(&error)).await
            }
        }
    }

    /// What follows when the carrier could not carry out the first answer.
    pub(super) async fn after_failure(&self, route: &Route) -> Answer {
        if route.call.decision.rejects() {
            let reason = "the call is rejected again".into();
            return Answer { twiml: reject(), outcome: CallOutcome::Rejected, conversation_id: None, reason };
        }
        self.fall_back(route, "the first answer failed at the carrier").await
    }

    /// The fallback number, else a sentence in the agent's language.
    pub(super) async fn fall_back(&self, route: &Route, reason: &'static str) -> Answer {
        let why_not = match &route.agent.fallback_number {
            Some(number) => self.why_not(route, number).await,
            None => None,
        };
        let (number, reason) = plan::fallback_number(&route.agent, reason, |_fallback| why_not);
        let outcome = plan::fallback_outcome(number, route.call.decision.needs_a_place(), Room::of(route));
        let twiml = match number {
            Some(number) => dial(route, number, RING_SECONDS, &self.0.dial_action),
            None => sorry(route.agent.language),
        };
        Answer { twiml, outcome, conversation_id: None, reason }
    }
}

fn why(error: &VoiceError) -> &'static str {
    match error {
        VoiceError::Unavailable { breaker_open: true, .. } => {
            "the voice provider has failed again and again and was not asked"
        }
        VoiceError::Unavailable { .. } => "the voice provider failed",
        VoiceError::OutcomeUnknown { .. } => "the voice provider did not answer in time",
        VoiceError::Rejected(_) => "the voice provider refused the call",
    }
}

fn reject() -> String {
    Twiml(vec![Verb::Reject(RejectReason::Rejected)]).to_string()
}

/// Rings a number. It sees the caller's number; where the caller shows none that the carrier would take for a caller id
/// (hidden, a SIP address, a malformed one), the number called.
fn dial(route: &Route, number: &E164, timeout_seconds: u16, action: &str) -> String {
    let caller_id = match CallerId::read(&route.call.from) {
        CallerId::Number(_) => None,
        CallerId::Hidden | CallerId::Other(_) => Some(route.call.to.clone()),
    };
    let action = Some(action.to_owned());
    Twiml(vec![Verb::Dial(Dial { number: number.clone(), timeout_seconds, action, caller_id })]).to_string()
}
