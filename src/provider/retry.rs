//! Retries within one call of a client, and the header `Retry-After`.
//!
//! Only an unavailable request is repeated: it did nothing, so repeating it cannot do anything twice.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CircuitBreaker, ProviderError, ProviderRejection};
use crate::domain::{Entropy, backoff};

/// The longest wait that a provider can impose.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// When a request is repeated for a caller that is waiting for it.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The most repetitions after the first attempt.
    pub repeats: u32,
    /// The pause before the first repetition, half of it random; each further one waits twice as long.
    pub first_pause: Duration,
    /// A caller is answered at once if the provider asks for a longer wait.
    pub longest_pause: Duration,
    /// The least time that must be left for the repetition itself.
    pub time_needed: Duration,
}

impl RetryPolicy {
    /// The pause before the request is repeated after its `attempt`, the first being 1. `None`: return the error.
    #[must_use]
    pub fn pause_after<R: ProviderRejection>(
        &self,
        attempt: u32,
        error: &ProviderError<R>,
        time_left: Duration,
        breaker: &CircuitBreaker,
        entropy: &Entropy,
    ) -> Option<Duration> {
        let ProviderError::Unavailable { retry_after, breaker_open: false, .. } = error else { return None };
        let asked = retry_after.unwrap_or_default();
        // The failure may have opened the breaker, which would reject the repetition.
        if attempt > self.repeats || asked > self.longest_pause || breaker.open_for().is_some() {
            return None;
        }
        // Added to what the provider asks for, so that clients told the same time do not all return at the same instant.
        let pause = asked + backoff(entropy, self.first_pause, self.longest_pause, attempt);
        (pause + self.time_needed < time_left).then_some(pause)
    }
}

/// How long the provider asks us to wait: the value of a `Retry-After` header (RFC 9110), in seconds or as a date. At most an
/// hour; a past date asks for no wait. `None` if the text has neither form.
#[must_use]
pub(super) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits: parsing fails only on overflow.
        text.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        // The only date format of RFC 9110 that is still sent is valid in RFC 2822 too.
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        at.signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Clock;
    use crate::provider::error::No;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:30Z").expect("a time").to_utc();
        let read = |text: &str| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(3600));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:29 GMT"), Some(0));
        assert_eq!(read("Mon, 07 Nov 1994 08:49:37 GMT"), Some(3600));
        for neither in ["", "-1", "+1", "1.5", "soon", "1994-11-06T08:49:37Z"] {
            assert_eq!(read(neither), None, "{neither}");
        }
    }

    #[test]
    fn only_what_did_nothing_is_repeated_and_only_while_there_is_time() {
        let millis = Duration::from_millis;
        let policy = RetryPolicy {
            repeats: 2,
            first_pause: millis(200),
            longest_pause: millis(2000),
            time_needed: millis(500),
        };
        let breaker = CircuitBreaker::new("carrier", Clock::system());
        let pause = |attempt, error: &ProviderError<No>, left| {
            policy.pause_after(attempt, error, millis(left), &breaker, &Entropy::system())
        };
        let asking = |wait| ProviderError::Unavailable {
            reason: String::new(),
            retry_after: Some(millis(wait)),
            breaker_open: false,
        };
        let enough = 60_000;
        let plain = ProviderError::unavailable("");
        assert!((100..=200).contains(&pause(1, &plain, enough).unwrap().as_millis()));
        assert!((200..=400).contains(&pause(2, &plain, enough).unwrap().as_millis()));
        assert_eq!(pause(3, &plain, enough), None, "the most repetitions");
        assert_eq!(pause(1, &plain, 600), None, "no time is left for the repetition");
        assert!((2100..=2200).contains(&pause(1, &asking(2000), enough).unwrap().as_millis()));
        assert_eq!(pause(1, &asking(2001), enough), None, "the provider asks for too long a wait");
        for final_one in [
            ProviderError::Rejected(No),
            ProviderError::OutcomeUnknown { reason: String::new() },
            ProviderError::breaker_open(Duration::ZERO),
        ] {
            assert_eq!(pause(1, &final_one, enough), None, "{final_one}");
        }
        for _ in 0..5 {
            breaker.admit().unwrap().failed();
        }
        assert_eq!(pause(1, &plain, enough), None, "the circuit breaker is open");
    }
}
