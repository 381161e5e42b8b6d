//! Spans of time whose messages could not all be looked for: each is tried again, at growing intervals, until it is too old.

use chrono::{DateTime, TimeDelta, Utc};

/// Pause after the first failure; it doubles with each.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

impl Span {
    /// Its halves; `None` if it is shorter than `shortest`.
    pub(super) fn halves(self, shortest: TimeDelta) -> Option<[Self; 2]> {
        let length = self.until - self.from;
        let middle = self.from + length / 2;
        let halves = [Self { until: middle, ..self }, Self { from: middle, ..self }];
        (length >= shortest).then_some(halves)
    }
}

#[derive(Debug)]
struct Gap {
    span: Span,
    pause: TimeDelta,
    due_at: DateTime<Utc>,
}

/// The spans that are left. At most one an hour of the time that is looked back to.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<Gap>);

impl Gaps {
    /// Spans whose time has come, oldest first.
    pub(super) fn due(&self, now: DateTime<Utc>) -> Vec<Span> {
        self.0.iter().filter(|gap| gap.due_at <= now).map(|gap| gap.span).collect()
    }

    /// Notes that a span was not searched. Returns whether that is new.
    pub(super) fn keep(&mut self, span: Span, now: DateTime<Utc>) -> bool {
        if let Some(known) = self.0.iter_mut().find(|gap| gap.span == span) {
            known.pause = (known.pause * 2).min(LONGEST_PAUSE);
            known.due_at = now + known.pause;
            return false;
        }
        self.0.push(Gap { span, pause: FIRST_PAUSE, due_at: now + FIRST_PAUSE });
        true
    }

    /// Notes that a span was searched.
    pub(super) fn close(&mut self, span: Span) {
        self.0.retain(|gap| gap.span != span);
    }

    /// Gives up what is older, and returns it.
    pub(super) fn give_up_before(&mut self, oldest: DateTime<Utc>) -> Vec<Span> {
        let is_over = |gap: &mut Gap| gap.span.until <= oldest;
        self.0.extract_if(.., is_over).map(|gap| gap.span).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_span_is_tried_at_growing_intervals_until_it_is_searched_or_too_old() {
        let (mut gaps, span) = (Gaps::default(), Span { from: at(0), until: at(60) });
        let mut now = at(60);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(gaps.keep(span, now), pause == 1);
            assert_eq!(gaps.due(now + TimeDelta::minutes(pause) - TimeDelta::seconds(1)), []);
            now += TimeDelta::minutes(pause);
            assert_eq!(gaps.due(now), [span]);
        }
        let later = Span { from: at(60), until: at(120) };
        assert!(gaps.keep(later, now));
        assert_eq!(gaps.give_up_before(at(60)), [span]);
        gaps.close(later);
        assert_eq!(gaps.len(), 0);
    }

    #[test]
    fn a_span_is_halved_until_it_is_short() {
        let span = Span { from: at(0), until: at(60) };
        let halves = [Span { from: at(0), until: at(30) }, Span { from: at(30), until: at(60) }];
        assert_eq!(span.halves(TimeDelta::minutes(2)), Some(halves));
        assert_eq!(Span { from: at(0), until: at(1) }.halves(TimeDelta::minutes(2)), None);
    }
}
