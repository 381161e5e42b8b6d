//! Circuit breaker: stops requests to a provider that keeps failing.

mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use state::{Breaker, BreakerState, Change, Pass, RequestOutcome};

use crate::domain::{Clock, ComponentHealth, HealthStatus};

/// The circuit breaker of all requests of one purpose. Cheap to clone; clones share its state.
#[derive(Clone)]
pub struct CircuitBreaker(Arc<Shared>);

struct Shared {
    /// The purpose, in logs and metrics.
    name: &'static str,
    breaker: Mutex<Breaker>,
    clock: Clock,
    /// Looked up once: it changes while the lock is held.
    gauge: metrics::Gauge,
}

impl CircuitBreaker {
    /// A closed circuit breaker. Logs and metrics call it `name`, which must be one of the metrics catalogue's.
    #[must_use]
    pub fn new(name: &'static str, clock: Clock) -> Self {
        let gauge = metrics::gauge!("switchboard_breaker_state", "provider" => name);
        gauge.set(BreakerState::Closed.as_gauge());
        Self(Arc::new(Shared { name, breaker: Mutex::default(), clock, gauge }))
    }

    /// A closed circuit breaker without a gauge of its own, for one of many accounts: they would overwrite each other's state.
    #[must_use]
    pub fn without_gauge(name: &'static str, clock: Clock) -> Self {
        Self(Arc::new(Shared { name, breaker: Mutex::default(), clock, gauge: metrics::Gauge::noop() }))
    }

    /// How long no request may be sent; `None` if one may be sent now.
    #[must_use]
    pub fn open_for(&self) -> Option<Duration> {
        self.with(|breaker| breaker.open_for(self.0.clock.now()))
    }

    /// The state for operators. Once the pause is over, the next request decides, so the provider may be back.
    #[must_use]
    pub fn health(&self) -> ComponentHealth {
        let now = self.0.clock.now();
        let (state, wait, since) =
            self.with(|breaker| (breaker.state(), breaker.open_for(now), breaker.down_since()));
        let health = |status| ComponentHealth::new(self.0.name, status).since(since);
        match (state, wait) {
            (BreakerState::Closed, _) => health(HealthStatus::Ok),
            (BreakerState::Open, Some(wait)) => health(HealthStatus::Down).because(format!(
                "the provider keeps failing: no request is sent for another {} s",
                wait.as_secs().saturating_add(1)
            )),
            (BreakerState::Open, None) => {
                health(HealthStatus::Degraded).because("the next request tries whether the provider is back")
            }
            (BreakerState::HalfOpen, _) => {
                health(HealthStatus::Degraded).because("a request is trying whether the provider is back")
            }
        }
    }

    /// Admits a request, whose outcome is reported through the permit.
    ///
    /// # Errors
    /// How long no request may be sent.
    pub(super) fn admit(&self) -> Result<Permit<'_>, Duration> {
        let pass = self.with(|breaker| breaker.admit(self.0.clock.now()))?;
        Ok(Permit { breaker: self, pass: Some(pass) })
    }

    /// Changes the state. A poisoned lock is used as it is: every state is valid on its own.
    fn with<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let outcome = work(&mut breaker);
        // Set under the lock, so that the gauge never ends on an older state.
        if breaker.state() != before {
            self.0.gauge.set(breaker.state().as_gauge());
        }
        outcome
    }

    fn log(&self, change: Change) {
        let name = self.0.name;
        let state = match change {
            Change::Opened { pause } => {
                tracing::warn!(
                    provider = name,
                    ?pause,
                    "circuit breaker opened: the provider keeps failing and is not called for a while"
                );
                "open"
            }
            Change::Closed => {
                tracing::info!(provider = name, "circuit breaker closed: the provider answers again");
                "closed"
            }
        };
        metrics::counter!("switchboard_breaker_changes_total", "provider" => name, "state" => state)
            .increment(1);
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.0.name)
            .field("breaker", &self.0.breaker)
            .finish_non_exhaustive()
    }
}

/// An admitted request. Dropped without a report, as when its future is cancelled, it counts as abandoned.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once reports nothing about the provider"]
pub(super) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    /// `None` once its outcome was reported.
    pass: Option<Pass>,
}

impl Permit<'_> {
    /// The provider answered, if only with a rejection.
    pub(super) fn answered(mut self) {
        self.report(RequestOutcome::Answered);
    }

    /// The provider did not answer, or reported a failure of its own.
    pub(super) fn failed(mut self) {
        self.report(RequestOutcome::Failed);
    }

    fn report(&mut self, outcome: RequestOutcome) {
        let Some(pass) = self.pass.take() else { return };
        let now = self.breaker.0.clock.now();
        // Logged outside the lock, which every request takes.
        if let Some(change) = self.breaker.with(|breaker| breaker.report(pass, outcome, now)) {
            self.breaker.log(change);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.report(RequestOutcome::Abandoned);
    }
}
