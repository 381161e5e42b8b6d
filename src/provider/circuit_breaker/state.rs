//! State machine of the circuit breaker. Pure: the time is passed in.
//!
//! A clock that is set back ends a pause early. It never keeps the breaker open for longer.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Consecutive failures that open the breaker.
const FAILURES: u32 = 5;
/// How long it stays open at first. Every failed trial doubles the pause.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// A provider that is back is noticed at most this much later.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A request abandoned after this long counts as failed: the provider is slow. If it is abandoned sooner, the caller went away,
/// which says nothing about the provider.
const SLOW: Duration = Duration::from_secs(3);
/// Wait reported to callers while a trial is in progress.
const TRIAL: Duration = Duration::from_secs(1);

/// Closed, it admits every request. After [`FAILURES`] consecutive failures it opens and admits none for a while. Then it
/// admits exactly one, the trial, whose outcome closes it or opens it for longer: a provider that is coming back must not
/// receive all waiting requests at once.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// When the provider was found to be down; `None` while the breaker is closed.
    down_since: Option<DateTime<Utc>>,
    /// Grows with every change of state. Reports about requests of an earlier epoch are ignored: a slow failure from before
    /// the trial must not reopen the breaker.
    epoch: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { since: DateTime<Utc>, pause: Duration },
    Trying { since: DateTime<Utc>, pause: Duration },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// What a breaker admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakerState {
    /// Every request: the provider answers.
    Closed,
    /// No request. The first one after the pause is the trial.
    Open,
    /// No request, because the trial is in progress.
    HalfOpen,
}

impl BreakerState {
    /// The value of the metric `switchboard_breaker_state`.
    pub(super) const fn as_gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::Open => 1.0,
            Self::HalfOpen => 2.0,
        }
    }
}

/// An admitted request. Pass it to [`Breaker::report`] exactly once.
#[derive(Debug, Clone, Copy)]
#[must_use = "a trial that is never reported keeps the breaker open"]
pub(super) struct Pass {
    epoch: u64,
    at: DateTime<Utc>,
}

/// What a request showed about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    /// It answered, if only with a rejection.
    Answered,
    /// It did not answer, or reported a failure of its own.
    Failed,
    /// The caller stopped waiting for the answer.
    Abandoned,
}

/// A change to log. A failed trial is none: it is known that the provider is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The provider is down.
    Opened {
        /// The time until the first trial.
        pause: Duration,
    },
    /// The provider is back.
    Closed,
}

impl Breaker {
    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Trying { .. } => BreakerState::HalfOpen,
        }
    }

    /// When it opened; `None` while it is closed. Failed trials do not change it.
    pub(super) fn down_since(&self) -> Option<DateTime<Utc>> {
        self.down_since
    }

    /// How long no request may be sent; `None` if one may be sent now.
    pub(super) fn open_for(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { since, pause } => {
                let elapsed = (now - since).to_std().ok()?;
                pause.checked_sub(elapsed).filter(|left| !left.is_zero())
            }
            // Ends by itself: the permit of the trial reports at the latest when it is dropped.
            State::Trying { .. } => Some(TRIAL),
        }
    }

    /// Admits a request: any while closed, the trial once the pause is over.
    ///
    /// # Errors
    /// The time until the next trial, or until the outcome of the one in progress can be expected.
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Result<Pass, Duration> {
        if let Some(wait) = self.open_for(now) {
            return Err(wait);
        }
        if let State::Open { since, pause } = self.state {
            self.change_to(State::Trying { since, pause });
        }
        Ok(Pass { epoch: self.epoch, at: now })
    }

    /// Records what a request showed.
    pub(super) fn report(
        &mut self,
        pass: Pass,
        outcome: RequestOutcome,
        now: DateTime<Utc>,
    ) -> Option<Change> {
        if pass.epoch != self.epoch {
            return None;
        }
        let slow = (now - pass.at).to_std().is_ok_and(|elapsed| elapsed >= SLOW);
        let outcome =
            if outcome == RequestOutcome::Abandoned && slow { RequestOutcome::Failed } else { outcome };
        match (self.state, outcome) {
            (State::Closed { .. }, RequestOutcome::Answered) => {
                // Not a change of state: requests in progress still report in this epoch.
                self.state = State::default();
                None
            }
            (State::Closed { failures }, RequestOutcome::Failed) if failures + 1 >= FAILURES => {
                self.change_to(State::Open { since: now, pause: FIRST_PAUSE });
                self.down_since = Some(now);
                Some(Change::Opened { pause: FIRST_PAUSE })
            }
            (State::Closed { failures }, RequestOutcome::Failed) => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            (State::Trying { .. }, RequestOutcome::Answered) => {
                self.change_to(State::default());
                self.down_since = None;
                Some(Change::Closed)
            }
            (State::Trying { pause, .. }, RequestOutcome::Failed) => {
                self.change_to(State::Open { since: now, pause: (pause * 2).min(LONGEST_PAUSE) });
                None
            }
            // The pause is over, so the next request is the trial.
            (State::Trying { since, pause }, RequestOutcome::Abandoned) => {
                self.change_to(State::Open { since, pause });
                None
            }
            // An early end says nothing about the provider. While the breaker is open, no pass has its epoch.
            (State::Closed { .. }, RequestOutcome::Abandoned) | (State::Open { .. }, _) => None,
        }
    }

    fn change_to(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + millis).expect("a time")
    }

    /// Sends a request that is reported at once.
    fn ask(breaker: &mut Breaker, outcome: RequestOutcome, millis: i64) -> Option<Change> {
        let pass = breaker.admit(at(millis)).expect("it is open");
        breaker.report(pass, outcome, at(millis))
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert_eq!(ask(&mut breaker, RequestOutcome::Failed, 0), None);
        }
        assert_eq!(ask(&mut breaker, RequestOutcome::Failed, 0), Some(Change::Opened { pause: FIRST_PAUSE }));
        breaker
    }

    #[test]
    fn it_opens_after_consecutive_failures_and_any_answer_resets_the_count() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..FAILURES {
                assert_eq!(ask(&mut breaker, RequestOutcome::Failed, 0), None);
                assert_eq!(ask(&mut breaker, RequestOutcome::Abandoned, 0), None);
            }
            assert_eq!(ask(&mut breaker, RequestOutcome::Answered, 0), None);
        }
        let breaker = opened();
        assert_eq!(breaker.open_for(at(0)), Some(FIRST_PAUSE));
        assert_eq!(breaker.open_for(at(9_999)), Some(Duration::from_millis(1)));
        assert_eq!(breaker.open_for(at(10_000)), None);
        assert_eq!(breaker.open_for(at(-1)), None, "a clock that is set back does not keep it open");
    }

    #[test]
    fn one_trial_decides_and_each_failed_trial_doubles_the_pause() {
        let mut breaker = opened();
        let mut now = 0;
        for pause in [10_000, 20_000, 40_000, 60_000, 60_000] {
            assert_eq!(breaker.state(), BreakerState::Open);
            assert!(breaker.admit(at(now + pause - 1)).is_err());
            now += pause;
            let trial = breaker.admit(at(now)).expect("its pause is over");
            assert_eq!(breaker.admit(at(now)).err(), Some(TRIAL), "a second trial");
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            assert_eq!(breaker.report(trial, RequestOutcome::Failed, at(now)), None);
        }
        now += 60_000;
        assert_eq!(ask(&mut breaker, RequestOutcome::Answered, now), Some(Change::Closed));
        assert_eq!(breaker.state(), BreakerState::Closed);
        for _ in 1..FAILURES {
            assert_eq!(ask(&mut breaker, RequestOutcome::Failed, now), None);
        }
    }

    #[test]
    fn an_abandoned_trial_makes_room_for_the_next_and_a_slow_one_has_failed() {
        let mut breaker = opened();
        assert_eq!(ask(&mut breaker, RequestOutcome::Abandoned, 10_000), None);
        let slow = breaker.admit(at(10_000)).expect("the previous trial was abandoned");
        assert_eq!(breaker.report(slow, RequestOutcome::Abandoned, at(13_000)), None);
        assert_eq!(breaker.open_for(at(13_000)), Some(FIRST_PAUSE * 2));
    }

    #[test]
    fn a_request_admitted_before_it_opened_decides_nothing_afterwards() {
        let mut breaker = Breaker::default();
        let (early, late) = (breaker.admit(at(0)), breaker.admit(at(0)));
        for _ in 0..FAILURES {
            ask(&mut breaker, RequestOutcome::Failed, 0);
        }
        assert_eq!(breaker.report(early.expect("closed"), RequestOutcome::Answered, at(1)), None);
        assert!(breaker.admit(at(1)).is_err());
        let trial = breaker.admit(at(10_000)).expect("its pause is over");
        assert_eq!(breaker.report(late.expect("closed"), RequestOutcome::Failed, at(10_000)), None);
        assert_eq!(breaker.report(trial, RequestOutcome::Answered, at(10_000)), Some(Change::Closed));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Ask,
        /// Reports the pass at this index, modulo the number of open ones.
        Report(usize, RequestOutcome),
        Wait(i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let outcome = prop_oneof![3 => Just(RequestOutcome::Failed), 1 => Just(RequestOutcome::Answered), 1 => Just(RequestOutcome::Abandoned)];
        prop_oneof![
            3 => Just(Act::Ask),
            3 => (any::<usize>(), outcome).prop_map(|(index, outcome)| Act::Report(index, outcome)),
            1 => (0_i64..30_000).prop_map(Act::Wait),
        ]
    }

    proptest! {
        #[test]
        fn it_never_runs_two_trials_at_once_and_never_stays_open(acts in prop::collection::vec(act(), 0..200)) {
            let (mut breaker, mut now, mut out) = (Breaker::default(), 0, Vec::new());
            // Whether it reported to be open, the failures since any other report, the epoch of the trial in progress.
            let (mut open, mut failures, mut trial) = (false, 0, None);
            for act in acts {
                match act {
                    Act::Ask => match breaker.admit(at(now)) {
                        Ok(pass) => {
                            prop_assert!(trial.is_none(), "a request besides the trial");
                            trial = open.then_some(pass.epoch);
                            out.push(pass);
                        }
                        Err(wait) => {
                            prop_assert!(open && !wait.is_zero() && wait <= LONGEST_PAUSE);
                        }
                    },
                    Act::Report(index, outcome) => {
                        if out.is_empty() {
                            continue;
                        }
                        let pass = out.swap_remove(index % out.len());
                        let speaks = pass.epoch == breaker.epoch;
                        if trial == Some(pass.epoch) {
                            trial = None;
                        }
                        if speaks {
                            failures = if outcome == RequestOutcome::Answered { 0 } else { failures + 1 };
                        }
                        match breaker.report(pass, outcome, at(now)) {
                            Some(Change::Opened { .. }) => {
                                prop_assert!(!open && failures >= FAILURES);
                                open = true;
                            }
                            Some(Change::Closed) => {
                                prop_assert!(open && outcome == RequestOutcome::Answered);
                                open = false;
                            }
                            None => {}
                        }
                    }
                    Act::Wait(millis) => now += millis,
                }
            }
            for pass in out {
                breaker.report(pass, RequestOutcome::Abandoned, at(now));
            }
            now += i64::try_from(LONGEST_PAUSE.as_millis()).expect("a minute");
            prop_assert!(breaker.admit(at(now)).is_ok(), "it stays open");
        }
    }
}
