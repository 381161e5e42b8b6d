//! Determines the answer to a call: by the number's rules, else the agent, else the fallback number, else a message.
//!
//! A number that must not be dialled is skipped ([`plan`]).

use tokio::time::Instant;

use super::Routing;
use super::plan::{self, Plan, Room};
use crate::domain::{
    CallAnswer, CallOutcome, CallerId, Cause, Causes, E164, IfUnanswered, NotDialed, RoutingAction, mask,
};
use crate::store::{CallSlot, Route};
use crate::voice::{CallToRegister, RegisteredCall, VoiceError};

/// Ring time in seconds of a number for which no rule sets one, before the caller hears a message.
const RING_SECONDS: u16 = 20;

/// An answer to a call, and the reasons for it.
#[derive(Debug, Clone)]
pub(super) struct RoutedAnswer {
    pub(super) answer: CallAnswer,
    pub(super) outcome: CallOutcome,
    /// Why the call is answered this way.
    pub(super) causes: Causes,
}

impl Routing {
    /// Decides how to answer an incoming call.
    pub(super) async fn decide(&self, route: &Route, until: Instant) -> RoutedAnswer {
        let action = route.call.decision.rule.as_ref().map(|rule| &rule.action);
        let why_not = match action.and_then(RoutingAction::forwards_to) {
            Some(number) => self.why_not(route, number).await,
            None => None,
        };
        let (plan, passed_over) =
            plan::of(&route.call.decision, &route.agent, Room::of(route), |_forward| why_not);
        if let Some(why) = passed_over {
            let answer = self.agent(route, until).await;
            return RoutedAnswer { causes: answer.causes.after(Some(why)), ..answer };
        }
        let (outcome, causes) = (plan.outcome(), plan.cause().into());
        let answer = match plan {
            Plan::Agent { voice_agent_id } => return self.connect(route, voice_agent_id, until).await,
            Plan::FallBack { cause } => return self.fall_back(route, cause).await,
            Plan::Forward { to, ring_seconds } => {
                dial(route, to, ring_seconds.unwrap_or(RING_SECONDS), IfUnanswered::Apology)
            }
            Plan::ForwardThenAgent { to, ring_seconds } => dial(route, to, ring_seconds, IfUnanswered::Agent),
            Plan::Message { text } => {
                CallAnswer::Say { text: text.to_owned(), language: route.agent.language }
            }
            Plan::Reject => CallAnswer::Reject,
        };
        RoutedAnswer { answer, outcome, causes }
    }

    /// Answers with the agent if it is available. Also used after a rule has forwarded the call and nobody answered.
    pub(super) async fn agent(&self, route: &Route, until: Instant) -> RoutedAnswer {
        match plan::to_agent(&route.agent, Room::of(route)) {
            Plan::Agent { voice_agent_id } => self.connect(route, voice_agent_id, until).await,
            other => self.fall_back(route, other.cause()).await,
        }
    }

    /// Why a number must not be dialled for this call; `None` if it may be: see [`plan`].
    async fn why_not(&self, route: &Route, number: &E164) -> Option<NotDialed> {
        let own = self.0.store.dialing_of(route.call.tenant_id);
        // Checked for each call: the policy may have changed since the number was stored.
        if let Err(why) = self.0.dialing.for_tenant(&own).check(number) {
            tracing::warn!(call = %route.call.id, tenant = %route.call.tenant_id, number = mask(number.as_str()), %why, "number not dialled: not allowed");
            metrics::counter!("switchboard_dials_not_allowed_total").increment(1);
            return Some(NotDialed::NotAllowed);
        }
        // From memory. Only the last check asks the database.
        let (called, caller) = (&route.call.to, CallerId::read(&route.call.from));
        let leads_back = plan::is_at_the_other_end(number, called, &caller, route.forwarded_from.as_ref())
            || self.0.store.leads_to(number, called);
        if leads_back {
            tracing::warn!(call = %route.call.id, number = mask(number.as_str()), "number not dialled: it leads back to the number called");
            return Some(NotDialed::LeadsBack);
        }
        // While the database is unavailable or too busy, the number is dialled: once too often is better than not at all.
        let others = if route.slot == CallSlot::NotCounted {
            Vec::new()
        } else {
            let others = self.0.store.callers_ringing(&route.call, number);
            self.0.records.ask(others, "reading open calls", &route.call.sid).await.unwrap_or_default()
        };
        if !plan::rings_already(&caller, &others) {
            return None;
        }
        tracing::warn!(call = %route.call.id, number = mask(number.as_str()), "number not dialled: it already rings for several calls of this caller");
        Some(NotDialed::RingsAlready)
    }

    async fn connect(&self, route: &Route, voice_agent_id: &str, until: Instant) -> RoutedAnswer {
        let call = CallToRegister {
            voice_agent_id,
            from: &route.call.from,
            to: &route.call.to,
            call_sid: &route.call.sid,
        };
        // What earlier steps have left of the deadline, which is for the whole answer.
        let remaining = until.saturating_duration_since(Instant::now());
        match self.0.voice.register_call(call, remaining).await {
            Ok(RegisteredCall { twiml: handover, conversation_id }) => RoutedAnswer {
                answer: CallAnswer::Connect { conversation_id, handover },
                outcome: CallOutcome::Agent,
                causes: Cause::Agent.into(),
            },
            Err(error) => {
                tracing::error!(%error, call = %route.call.id, agent = %route.agent.id, "call not registered with the voice provider");
                self.fall_back(route, cause(&error)).await
            }
        }
    }

    /// Answers a call after the carrier could not carry out the first answer.
    pub(super) async fn after_failure(&self, route: &Route) -> RoutedAnswer {
        if route.call.decision.rejects() {
            let (answer, outcome) = (CallAnswer::Reject, CallOutcome::Rejected);
            return RoutedAnswer { answer, outcome, causes: Cause::RejectAgain.into() };
        }
        self.fall_back(route, Cause::AnswerFailed).await
    }

    /// Answers with the fallback number, else with a message in the agent's language.
    pub(super) async fn fall_back(&self, route: &Route, cause: Cause) -> RoutedAnswer {
        let why_not = match &route.agent.fallback_number {
            Some(number) => self.why_not(route, number).await,
            None => None,
        };
        let (number, not_dialed) = plan::fallback_number(&route.agent, |_fallback| why_not);
        let outcome = plan::fallback_outcome(number, route.call.decision.needs_slot(), Room::of(route));
        let answer = match number {
            Some(number) => dial(route, number, RING_SECONDS, IfUnanswered::Apology),
            None => CallAnswer::apology(route.agent.language),
        };
        RoutedAnswer { answer, outcome, causes: Causes::from(cause).then(not_dialed) }
    }
}

fn cause(error: &VoiceError) -> Cause {
    match error {
        VoiceError::Unavailable { breaker_open: true, .. } => Cause::VoiceProviderSkipped,
        VoiceError::Unavailable { .. } => Cause::VoiceProviderFailed,
        VoiceError::OutcomeUnknown { .. } => Cause::VoiceProviderLate,
        VoiceError::Rejected(_) => Cause::VoiceProviderRejected,
    }
}

/// Dials a number. It sees the caller's number, or the number called if the caller shows none that the carrier accepts as a
/// caller id (hidden, a SIP address, malformed).
fn dial(route: &Route, number: &E164, ring_seconds: u16, if_unanswered: IfUnanswered) -> CallAnswer {
    let caller_id = match CallerId::read(&route.call.from) {
        CallerId::Number(_) => None,
        CallerId::Hidden | CallerId::Other(_) => Some(route.call.to.clone()),
    };
    CallAnswer::Dial { number: number.clone(), ring_seconds, caller_id, if_unanswered }
}
