//! A breaker that many requests share.

mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use state::BreakerChange;

use crate::domain::Clock;
use state::{Breaker, BreakerState, Pass, Verdict};

/// The one way to a provider, for requests of one purpose. Cheap to clone; clones share one breaker.
#[derive(Clone)]
pub struct Gate(Arc<Parts>);

struct Parts {
    breaker: Mutex<Breaker>,
    clock: Clock,
    tell: Box<dyn Fn(BreakerChange) + Send + Sync>,
    /// Shows its state in the metrics.
    gauge: metrics::Gauge,
}

impl Gate {
    /// With everything let through at first; `tell` hears of every change worth telling once. Metrics show its state under
    /// this name.
    pub fn new(
        name: &'static str,
        clock: Clock,
        tell: impl Fn(BreakerChange) + Send + Sync + 'static,
    ) -> Self {
        let gauge = metrics::gauge!("switchboard_breaker_state", "provider" => name);
        gauge.set(BreakerState::Closed.as_gauge());
        Self(Arc::new(Parts { breaker: Mutex::default(), clock, tell: Box::new(tell), gauge }))
    }

    /// How long no request may be sent; `None`: one may be sent now.
    #[must_use]
    pub fn shut_for(&self) -> Option<Duration> {
        self.breaker(|breaker| breaker.shut_for(self.0.clock.now()))
    }

    /// Lets a request pass.
    ///
    /// # Errors
    /// How long none may be sent.
    pub fn pass(&self) -> Result<Passage<'_>, Duration> {
        let pass = self.breaker(|breaker| breaker.admit(self.0.clock.now()))?;
        Ok(Passage { gate: self, pass: Some(pass) })
    }

    fn breaker<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.state();
        let outcome = work(&mut breaker);
        // Under the lock: what is shown last is the latest.
        if breaker.state() != before {
            self.0.gauge.set(breaker.state().as_gauge());
        }
        outcome
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.0.breaker).finish()
    }
}

/// A request under way. Dropped without a word, as when its future is, it counts as given up.
#[derive(Debug)]
#[must_use = "dropped at once, it says nothing about the provider"]
pub struct Passage<'a> {
    gate: &'a Gate,
    /// Taken by the report.
    pass: Option<Pass>,
}

impl Passage<'_> {
    /// The provider answered, if only to refuse.
    pub fn answered(mut self) {
        self.report(Verdict::Alive);
    }

    /// The provider did not answer, or failed itself.
    pub fn failed(mut self) {
        self.report(Verdict::Failed);
    }

    fn report(&mut self, verdict: Verdict) {
        let Some(pass) = self.pass.take() else { return };
        let parts = &self.gate.0;
        let change = self.gate.breaker(|breaker| breaker.report(pass, verdict, parts.clock.now()));
        if let Some(change) = change {
            (parts.tell)(change);
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.report(Verdict::GivenUp);
    }
}
