//! Answers each call once, however many servers are asked: one server claims the answer, works it out and records it; the
//! others wait for it and give the same.
//!
//! While the database is unavailable, answers cannot be claimed. Then each server answers the requests that reach it, once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::answer::RoutedAnswer;
use super::{Reply, Routing};
use crate::domain::{AnswerStage, CallAnswer, Cause};
use crate::store::{AnswerClaim, Route, SystemStore};

/// Pauses between look-ups of another server's answer: most come within a second.
const FIRST_WAIT: Duration = Duration::from_millis(25);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// A server stops waiting for another's answer when only this much time is left for its own.
const SPARE: Duration = Duration::from_millis(500);

/// How the wait for a turn ended.
enum Waited {
    Answered(CallAnswer),
    Ours(Route),
    Late(Route),
}

impl Routing {
    /// Works out the answer at a stage of a call, once for all servers, or waits for the server that does. If the call has an
    /// answer at this stage, replies with it and returns `None`.
    pub(super) async fn in_turn<F>(
        &self,
        mut route: Route,
        stage: AnswerStage,
        until: Instant,
        reply: Reply,
        work: impl Fn(Route) -> F,
    ) -> Option<(Reply, Route, RoutedAnswer)>
    where
        F: Future<Output = (Route, RoutedAnswer)>,
    {
        loop {
            let ours = if route.turn == AnswerClaim::Open || route.answered.is_some() {
                // Boxed because it is rare: it would enlarge the future of every call.
                match Box::pin(self.wait_for_turn(route, stage, until)).await {
                    Waited::Answered(answer) => {
                        // The request may have been cancelled.
                        let _ = reply.send(answer);
                        return None;
                    }
                    Waited::Late(route) => {
                        let answer = Box::pin(self.fall_back(&route, Cause::OtherServerLate)).await;
                        return Some((reply, route, answer));
                    }
                    Waited::Ours(route) => route,
                }
            } else {
                route
            };
            let held = ours.clone();
            tokio::select! {
                // Dropped once the claim is lost: the other server's answer counts.
                (route, answer) = work(ours) => return Some((reply, route, answer)),
                () = self.until_taken_over(&held) => {}
            }
            tracing::warn!(call = %held.call.id, "call taken over by another server");
            route = Route { turn: AnswerClaim::Open, ..held };
        }
    }

    async fn wait_for_turn(&self, mut route: Route, stage: AnswerStage, until: Instant) -> Waited {
        let sid = route.call.sid.clone();
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(given) = route.answered.take_if(|given| given.answers_again(stage)) {
                tracing::info!(call = %route.call.id, %stage, "call answered again with the recorded answer");
                return Waited::Answered(given.answer);
            }
            if route.turn != AnswerClaim::Open {
                return Waited::Ours(route);
            }
            let name = self.0.entropy.uuid(self.0.clock.now());
            match self
                .0
                .records
                .ask(self.0.store.claim_answer(&route, name), "claiming an answer", &sid)
                .await
            {
                Ok(true) => return Waited::Ours(Route { turn: AnswerClaim::Ours(name), ..route }),
                Ok(false) => {}
                // Nobody can claim without the database, and two answers are better than none.
                Err(_) => return Waited::Ours(Route { turn: AnswerClaim::Unknown, ..route }),
            }
            if Instant::now() + wait + SPARE > until {
                return Waited::Late(route);
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            if let Ok(Some(now)) = self
                .0
                .records
                .ask(self.0.store.route_by_sid(&sid), "reading another server's answer", &sid)
                .await
            {
                // The database does not store who forwarded the call.
                route = Route { forwarded_from: route.forwarded_from, ..now };
            }
        }
    }

    /// Renews a claim for as long as it is polled. Returns if another server has taken it over.
    async fn until_taken_over(&self, route: &Route) {
        let AnswerClaim::Ours(name) = route.turn else { return std::future::pending().await };
        // Includes all waiting since the call began, because the claim began with it.
        let age = (self.0.clock.now() - route.call.started_at).to_std().unwrap_or_default();
        let mut next = SystemStore::RENEW_EVERY.saturating_sub(age);
        loop {
            sleep(next).await;
            let renewed = self.0.store.renew_claim(route, name);
            // A recorded answer ends the claim too, but then this future is no longer polled.
            if let Ok(false) =
                Box::pin(self.0.records.ask(renewed, "renewing a claim", &route.call.sid)).await
            {
                return;
            }
            next = SystemStore::RENEW_EVERY;
        }
    }
}
