//! Admission: gives a call its route and call slot, from the database or, while that is unavailable, from the routing
//! cache and the journal.

use tokio::time::Instant;
use tracing::Instrument;

use super::Routing;
use crate::calls::NoAnswer;
use crate::domain::{CallId, IncomingCall, mask};
use crate::store::{CallSlot, Route};

impl Routing {
    /// Admits and records a call. `None` if no tenant holds the number called, or the cache does not contain it; logged.
    pub(super) async fn admit(&self, call: &IncomingCall) -> Option<Route> {
        // Chosen before the database is asked: whether it or the journal admits the call, the record has this
        // id.
        let id = CallId(self.0.entropy.uuid(self.0.clock.now()));
        let span = tracing::debug_span!("admission", call = %id.0, from_memory = tracing::field::Empty);
        let asked = self.0.records.ask(self.0.store.admit_call(id, call), "admitting a call", &call.sid);
        let route = match asked.instrument(span.clone()).await {
            Ok(found) => found,
            Err(why) => {
                span.record("from_memory", true);
                self.admit_from_memory(id, call, why)
            }
        };
        if route.is_none() {
            tracing::warn!(to = mask(call.to.as_str()), sid = call.sid, "call to an unknown number");
            metrics::counter!("switchboard_calls_answered_total", "outcome" => "unrouted").increment(1);
        }
        route
    }

    /// Frees call slots of calls whose end was never reported: asks the carrier about the oldest, within a quarter of the time
    /// for an answer. The call gets a slot if one becomes free.
    pub(super) async fn make_room(&self, route: &mut Route, started: Instant) {
        self.0.sweep.make_room(route.call.tenant_id, started + self.0.answer_deadline / 4).await;
        let admitted = self.0.store.admit_after_all(&route.call);
        // After a failure the call keeps no slot: the plan stays exact, and the fallback number rings.
        if let Ok(true) = self.0.records.ask(admitted, "taking a call slot", &route.call.sid).await {
            tracing::info!(call = %route.call.id, "call slot freed");
            route.slot = CallSlot::Held;
        }
    }

    /// Admits a call by the routing cache and journals its record. A database that is only busy still counts call slots, so a
    /// call that it could not count does not reach the agent.
    pub(super) fn admit_from_memory(&self, id: CallId, call: &IncomingCall, why: NoAnswer) -> Option<Route> {
        let mut route = self.route_from_memory(id, call)?;
        if matches!(why, NoAnswer::Busy) && route.has_slot() {
            route.slot = CallSlot::NotCounted;
        }
        // Before the answer: even if this server dies now, the call will be on record.
        self.0.records.journal_call(&route);
        metrics::counter!("switchboard_calls_routed_from_memory_total").increment(1);
        Some(route)
    }

    /// The route of a call by the routing cache, with its answer if that waits in the journal.
    pub(super) fn route_from_memory(&self, id: CallId, call: &IncomingCall) -> Option<Route> {
        let mut route = self.0.store.route_from_memory(id, call)?;
        route.answered = self.0.records.journaled_answer(&call.sid);
        Some(route)
    }
}
