//! A provider's answer, read to its end.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use super::redaction::reason;
use super::retry::retry_after;
use super::{Effect, ProviderError, ProviderRejection, lenient_json};
use crate::domain::Clock;

/// How far a provider's servers may disagree about the time, and what rounding to seconds adds.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// An answer with any status.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<Vec<u8>, BodyError>,
    effect: Effect,
    /// When its last byte arrived.
    at: DateTime<Utc>,
    /// From sending the request to the last byte.
    took: Duration,
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("{0}")]
    Interrupted(String),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl Answer {
    /// Reads the body. `longest` bounds what a faulty provider can make this server hold in memory.
    pub(super) async fn read(
        response: Response,
        effect: Effect,
        longest: usize,
        sent: Instant,
        clock: &Clock,
    ) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response, longest).await;
        Self { status, headers, body, effect, at: clock.now(), took: sent.elapsed() }
    }

    /// The HTTP status, whoever sent it: the provider or a proxy.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Whether the request reads, writes or connects a call.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body; empty when it was not read to its end.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// Whether the body was given up because it is longer than the client reads.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        matches!(self.body, Err(BodyError::TooLong(_)))
    }

    /// The body, read as JSON. Broken characters are replaced: see [`lenient_json`].
    ///
    /// # Errors
    /// The body does not have this form: the failure is the same as if no answer had arrived.
    pub fn json<T: DeserializeOwned, R: ProviderRejection>(&self) -> Result<T, ProviderError<R>> {
        lenient_json(self.body()).map_err(|error| self.effect.lost(format!("an unreadable answer: {error}")))
    }

    /// When the request began by the provider's own clock, or somewhat earlier. `None` if the answer has no `Date`.
    #[must_use]
    pub fn request_began(&self) -> Option<DateTime<Utc>> {
        let answered = DateTime::parse_from_rfc2822(self.header("date")?).ok()?.to_utc();
        answered.checked_sub_signed(TimeDelta::from_std(self.took).ok()? + CLOCK_TOLERANCE)
    }

    /// The failure that the status alone decides. `None`: the body decides.
    #[must_use]
    pub fn failure_by_status<R: ProviderRejection>(&self, reason: &str) -> Option<ProviderError<R>> {
        match self.status() {
            // Neither is carried out, even if a gateway answers for the provider.
            425 | 429 => Some(self.unavailable(reason)),
            // The provider, or a gateway before it, may have failed after the request was carried out.
            408 | 500.. if self.effect == Effect::Writes => Some(self.effect.lost(reason)),
            408 | 500.. => Some(self.unavailable(reason)),
            _ => None,
        }
    }

    /// Unavailable, for as long as `Retry-After` says.
    #[must_use]
    pub fn unavailable<R: ProviderRejection>(&self, reason: &str) -> ProviderError<R> {
        let retry_after = self.header("retry-after").and_then(|text| retry_after(text, self.at));
        ProviderError::Unavailable { reason: reason.to_owned(), retry_after, breaker_open: false }
    }

    /// A complete answer with a 2xx status, or the failure that the answer reports.
    ///
    /// # Errors
    /// That failure.
    pub fn into_result<R: ProviderRejection>(self) -> Result<Self, ProviderError<R>> {
        match &self.body {
            // Before the body: an error answer that was cut off is still classified by its status.
            _ if !self.status.is_success() => Err(R::classify(&self)),
            Err(error) => Err(self.effect.lost(error.to_string())),
            Ok(_) => Ok(self),
        }
    }

    /// Whether this shows that the provider is down. A rejection shows that it works, and so does an answer that is too long.
    pub(super) fn shows_outage(&self) -> bool {
        let by_status = match self.effect {
            Effect::Reads | Effect::Writes => matches!(self.status(), 408 | 500..),
            // The provider answers 500 to a call for one faulty agent, which must not cost all others their calls.
            Effect::Connects => matches!(self.status(), 408 | 502..=504),
        };
        by_status || (self.status.is_success() && matches!(self.body, Err(BodyError::Interrupted(_))))
    }
}

async fn read(mut response: Response, longest: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Interrupted(reason(&error)))? {
        // Counted while it arrives: a `Content-Length` is missing when chunked, and need not be true.
        if body.len() + chunk.len() > longest {
            return Err(BodyError::TooLong(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::error::No;

    fn answer(status: u16, effect: Effect, body: Result<Vec<u8>, BodyError>) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        let at = DateTime::UNIX_EPOCH;
        Answer { status, headers: HeaderMap::new(), body, effect, at, took: Duration::ZERO }
    }

    /// "down" if the answer counts as a failure of the provider, "up" if not, and the class that its status decides.
    fn classified(status: u16, effect: Effect) -> (&'static str, &'static str) {
        let answer = answer(status, effect, Ok(Vec::new()));
        let class = match answer.failure_by_status::<No>("") {
            Some(ProviderError::Unavailable { .. }) => "unavailable",
            Some(ProviderError::OutcomeUnknown { .. }) => "unknown",
            Some(ProviderError::Rejected(_)) => "rejected",
            None => "by its body",
        };
        (if answer.shows_outage() { "down" } else { "up" }, class)
    }

    #[test]
    fn the_status_and_what_the_request_does_decide_the_class() {
        use Effect::{Connects, Reads, Writes};
        for (status, reads, writes, connects) in [
            (408, ("down", "unavailable"), ("down", "unknown"), ("down", "unavailable")),
            (425, ("up", "unavailable"), ("up", "unavailable"), ("up", "unavailable")),
            (429, ("up", "unavailable"), ("up", "unavailable"), ("up", "unavailable")),
            (500, ("down", "unavailable"), ("down", "unknown"), ("up", "unavailable")),
            (503, ("down", "unavailable"), ("down", "unknown"), ("down", "unavailable")),
            (404, ("up", "by its body"), ("up", "by its body"), ("up", "by its body")),
        ] {
            assert_eq!(classified(status, Reads), reads, "{status}");
            assert_eq!(classified(status, Writes), writes, "{status}");
            assert_eq!(classified(status, Connects), connects, "{status}");
        }
    }

    #[test]
    fn an_interrupted_answer_shows_an_outage_and_one_that_is_too_long_does_not() {
        let interrupted = answer(200, Effect::Writes, Err(BodyError::Interrupted("reset".to_owned())));
        assert!(interrupted.shows_outage());
        let too_long = answer(200, Effect::Writes, Err(BodyError::TooLong(8)));
        assert!(!too_long.shows_outage());
        for lost in [interrupted, too_long] {
            assert!(matches!(lost.into_result::<No>(), Err(ProviderError::OutcomeUnknown { .. })));
        }
    }
}
