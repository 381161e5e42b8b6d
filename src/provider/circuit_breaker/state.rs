//! A circuit breaker: whether a provider that keeps failing is to be asked at all. A pure state machine; the time is
//! passed in. Should it run backwards, a pause ends early and nothing stays shut.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Failures in a row after which the provider is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone first; twice as long after every trial that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A request given up unanswered has failed when it was under way for so long. Sooner, whoever asked went away, which
/// says nothing about the provider.
const SLOW: Duration = Duration::from_secs(3);
/// How long to wait for the outcome of a trial under way.
const TRIAL: Duration = Duration::from_secs(1);

/// Closed, it lets every request pass. After some failures in a row it opens: none passes for a while. Then exactly
/// one is let through as a trial, whose outcome closes it or opens it for longer.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Grows with every change of state: what passed before the present state began says nothing about it.
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

/// What a breaker lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BreakerState {
    /// Every request.
    Closed,
    /// None. The next one after the pause is the trial.
    Open,
    /// None: the trial is under way.
    HalfOpen,
}

impl BreakerState {
    /// As metrics tell it: 0, 1, 2.
    pub(super) const fn as_gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::Open => 1.0,
            Self::HalfOpen => 2.0,
        }
    }
}

/// The right to send one request, to be handed back once, with its outcome, in [`Breaker::report`].
#[derive(Debug, Clone, Copy)]
#[must_use = "a trial that is never reported keeps the breaker shut"]
pub(super) struct Pass {
    epoch: u64,
    at: DateTime<Utc>,
}

/// What a request says about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered, if only to refuse.
    Alive,
    /// It did not answer, or failed itself.
    Failed,
    /// Nobody waited for its answer.
    GivenUp,
}

/// A turn worth telling. A trial that fails is none: the provider is known to be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerChange {
    /// The provider is down: no request is sent for this long.
    Opened {
        /// Until the first trial.
        pause: Duration,
    },
    /// The provider is back.
    Closed,
}

impl Breaker {
    /// What it lets pass.
    #[must_use]
    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::Trying { .. } => BreakerState::HalfOpen,
        }
    }

    /// How long no request may be sent; `None`: one may be sent now.
    #[must_use]
    pub(super) fn shut_for(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { since, pause } => {
                let elapsed = (now - since).to_std().ok()?;
                pause.checked_sub(elapsed).filter(|left| !left.is_zero())
            }
            State::Trying { .. } => Some(TRIAL),
        }
    }

    /// Lets a request pass, or says how long none may be sent.
    ///
    /// # Errors
    /// The time until the next trial, or until the outcome of the present one can be expected.
    pub(super) fn admit(&mut self, now: DateTime<Utc>) -> Result<Pass, Duration> {
        if let Some(wait) = self.shut_for(now) {
            return Err(wait);
        }
        if let State::Open { since, pause } = self.state {
            self.turn(State::Trying { since, pause });
        }
        Ok(Pass { epoch: self.epoch, at: now })
    }

    /// Takes a request's outcome in.
    pub(super) fn report(
        &mut self,
        pass: Pass,
        verdict: Verdict,
        now: DateTime<Utc>,
    ) -> Option<BreakerChange> {
        if pass.epoch != self.epoch {
            return None;
        }
        let slow = (now - pass.at).to_std().is_ok_and(|elapsed| elapsed >= SLOW);
        let verdict = if verdict == Verdict::GivenUp && slow { Verdict::Failed } else { verdict };
        match (self.state, verdict) {
            (State::Closed { .. }, Verdict::Alive) => {
                self.state = State::default();
                None
            }
            (State::Closed { failures }, Verdict::Failed) if failures + 1 >= FAILURES => {
                self.turn(State::Open { since: now, pause: FIRST_PAUSE });
                Some(BreakerChange::Opened { pause: FIRST_PAUSE })
            }
            (State::Closed { failures }, Verdict::Failed) => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            (State::Trying { .. }, Verdict::Alive) => {
                self.turn(State::default());
                Some(BreakerChange::Closed)
            }
            (State::Trying { pause, .. }, Verdict::Failed) => {
                self.turn(State::Open { since: now, pause: (pause * 2).min(LONGEST_PAUSE) });
                None
            }
            // Its pause is over: the next request is the trial.
            (State::Trying { since, pause }, Verdict::GivenUp) => {
                self.turn(State::Open { since, pause });
                None
            }
            (State::Closed { .. }, Verdict::GivenUp) | (State::Open { .. }, _) => None,
        }
    }

    fn turn(&mut self, state: State) {
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

    /// Asks and is answered so at once.
    fn ask(breaker: &mut Breaker, verdict: Verdict, millis: i64) -> Option<BreakerChange> {
        let pass = breaker.admit(at(millis)).expect("it is shut");
        breaker.report(pass, verdict, at(millis))
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 1..FAILURES {
            assert_eq!(ask(&mut breaker, Verdict::Failed, 0), None);
        }
        assert_eq!(ask(&mut breaker, Verdict::Failed, 0), Some(BreakerChange::Opened { pause: FIRST_PAUSE }));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_any_answer_breaks_the_row() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..FAILURES {
                assert_eq!(ask(&mut breaker, Verdict::Failed, 0), None);
                assert_eq!(ask(&mut breaker, Verdict::GivenUp, 0), None);
            }
            assert_eq!(ask(&mut breaker, Verdict::Alive, 0), None);
        }
        let breaker = opened();
        assert_eq!(breaker.shut_for(at(0)), Some(FIRST_PAUSE));
        assert_eq!(breaker.shut_for(at(9_999)), Some(Duration::from_millis(1)));
        assert_eq!(breaker.shut_for(at(10_000)), None);
        assert_eq!(breaker.shut_for(at(-1)), None, "a clock set back does not keep it shut");
    }

    #[test]
    fn one_trial_decides_and_each_failed_one_doubles_the_pause() {
        let mut breaker = opened();
        let mut now = 0;
        for pause in [10_000, 20_000, 40_000, 60_000, 60_000] {
            assert_eq!(breaker.state(), BreakerState::Open);
            assert!(breaker.admit(at(now + pause - 1)).is_err());
            now += pause;
            let trial = breaker.admit(at(now)).expect("its pause is over");
            assert_eq!(breaker.admit(at(now)).err(), Some(TRIAL), "a second trial");
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            assert_eq!(breaker.report(trial, Verdict::Failed, at(now)), None);
        }
        now += 60_000;
        assert_eq!(ask(&mut breaker, Verdict::Alive, now), Some(BreakerChange::Closed));
        assert_eq!(breaker.state(), BreakerState::Closed);
        for _ in 1..FAILURES {
            assert_eq!(ask(&mut breaker, Verdict::Failed, now), None);
        }
    }

    #[test]
    fn a_trial_given_up_makes_room_for_the_next_and_a_slow_one_has_failed() {
        let mut breaker = opened();
        assert_eq!(ask(&mut breaker, Verdict::GivenUp, 10_000), None);
        let slow = breaker.admit(at(10_000)).expect("the trial before was given up");
        assert_eq!(breaker.report(slow, Verdict::GivenUp, at(13_000)), None);
        assert_eq!(breaker.shut_for(at(13_000)), Some(FIRST_PAUSE * 2));
    }

    #[test]
    fn what_passed_before_it_opened_decides_nothing_afterwards() {
        let mut breaker = Breaker::default();
        let (early, late) = (breaker.admit(at(0)), breaker.admit(at(0)));
        for _ in 0..FAILURES {
            ask(&mut breaker, Verdict::Failed, 0);
        }
        assert_eq!(breaker.report(early.expect("closed"), Verdict::Alive, at(1)), None);
        assert!(breaker.admit(at(1)).is_err());
        let trial = breaker.admit(at(10_000)).expect("its pause is over");
        assert_eq!(breaker.report(late.expect("closed"), Verdict::Failed, at(10_000)), None);
        assert_eq!(breaker.report(trial, Verdict::Alive, at(10_000)), Some(BreakerChange::Closed));
    }

    #[derive(Debug, Clone)]
    enum Act {
        Ask,
        /// Hands the pass of this place, modulo how many are out, back.
        Report(usize, Verdict),
        Wait(i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        let verdict =
            prop_oneof![3 => Just(Verdict::Failed), 1 => Just(Verdict::Alive), 1 => Just(Verdict::GivenUp)];
        prop_oneof![
            3 => Just(Act::Ask),
            3 => (any::<usize>(), verdict).prop_map(|(place, verdict)| Act::Report(place, verdict)),
            1 => (0_i64..30_000).prop_map(Act::Wait),
        ]
    }

    proptest! {
        #[test]
        fn it_never_tries_twice_at_once_nor_stays_shut(acts in prop::collection::vec(act(), 0..200)) {
            let (mut breaker, mut now, mut out) = (Breaker::default(), 0, Vec::new());
            // Whether it was told to be open, the failures since anything else, the epoch of the trial under way.
            let (mut open, mut failures, mut trial) = (false, 0, None);
            for act in acts {
                match act {
                    Act::Ask => match breaker.admit(at(now)) {
                        Ok(pass) => {
                            prop_assert!(trial.is_none(), "a request beside the trial");
                            trial = open.then_some(pass.epoch);
                            out.push(pass);
                        }
                        Err(wait) => {
                            prop_assert!(open && !wait.is_zero() && wait <= LONGEST_PAUSE);
                        }
                    },
                    Act::Report(place, verdict) => {
                        if out.is_empty() {
                            continue;
                        }
                        let pass = out.swap_remove(place % out.len());
                        let speaks = pass.epoch == breaker.epoch;
                        if trial == Some(pass.epoch) {
                            trial = None;
                        }
                        if speaks {
                            failures = if verdict == Verdict::Alive { 0 } else { failures + 1 };
                        }
                        match breaker.report(pass, verdict, at(now)) {
                            Some(BreakerChange::Opened { .. }) => {
                                prop_assert!(!open && failures >= FAILURES);
                                open = true;
                            }
                            Some(BreakerChange::Closed) => {
                                prop_assert!(open && verdict == Verdict::Alive);
                                open = false;
                            }
                            None => {}
                        }
                    }
                    Act::Wait(millis) => now += millis,
                }
            }
            for pass in out {
                breaker.report(pass, Verdict::GivenUp, at(now));
            }
            now += i64::try_from(LONGEST_PAUSE.as_millis()).expect("a minute");
            prop_assert!(breaker.admit(at(now)).is_ok(), "it stays shut");
        }
    }
}
