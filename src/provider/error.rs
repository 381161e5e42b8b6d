//! The three classes of failure of a provider request.
//!
//! The class decides what the caller may do next. After a rejection, or while the provider is unavailable, the request did
//! nothing. After an unknown outcome it may have been carried out: look it up before you repeat it or give up.

use std::fmt::{Debug, Display};
use std::time::Duration;

use super::Answer;

/// What one provider rejects, and how its error answers are read.
pub trait ProviderRejection: Debug + Display + Sized {
    /// How messages name the provider, such as "the carrier".
    const PROVIDER: &'static str;

    /// Whether this settles the request for good. A rejection of the credentials, the plan or the moment does not: it says
    /// nothing about what an earlier request did.
    fn is_definitive(&self) -> bool;

    /// The failure that an answer without a 2xx status reports.
    fn classify(answer: &Answer) -> ProviderError<Self>;
}

/// Why a request to a provider did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError<R: ProviderRejection> {
    /// The provider rejected the request. Nothing was done, and the same request would be rejected again.
    #[error("{provider} rejected the request: {0}", provider = R::PROVIDER)]
    Rejected(R),
    /// The request was not carried out: it never arrived, or the provider turned it away for now.
    #[error("{provider} is unavailable: {reason}", provider = R::PROVIDER)]
    Unavailable {
        /// What happened, for the log only: it may contain words of the provider.
        reason: String,
        /// How long the provider asks us to wait, or how long the circuit breaker stays open.
        retry_after: Option<Duration>,
        /// The request was not sent, because the circuit breaker is open.
        breaker_open: bool,
    },
    /// The request may have been carried out.
    #[error("the outcome of a request to {provider} is unknown: {reason}", provider = R::PROVIDER)]
    OutcomeUnknown {
        /// Why the outcome is unknown, for the log only.
        reason: String,
    },
}

impl<R: ProviderRejection> ProviderError<R> {
    /// Whether the provider itself rejected the request for good. No other failure settles what an earlier request did.
    #[must_use]
    pub fn is_definitive(&self) -> bool {
        matches!(self, Self::Rejected(rejection) if rejection.is_definitive())
    }

    /// A request that was not carried out.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None, breaker_open: false }
    }

    /// A request that was not sent, because the circuit breaker stays open for this long.
    #[must_use]
    pub fn breaker_open(wait: Duration) -> Self {
        let reason = "it keeps failing and is not called for a while".to_owned();
        Self::Unavailable { reason, retry_after: Some(wait), breaker_open: true }
    }

    /// The failure of a search through a list. A rejected list says nothing about the thing searched for, so a definitive
    /// rejection becomes unavailability: taken for "it does not exist", it would lead to a second purchase.
    #[must_use]
    pub fn of_search(self) -> Self {
        if self.is_definitive() { Self::unavailable(format!("the search failed: {self}")) } else { self }
    }
}

/// What a request does at the provider. It decides how a missing answer is classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: without an answer, nothing happened.
    Reads,
    /// Changes something: without an answer, the outcome is unknown.
    Writes,
    /// Connects a call. As a write, but an error that the provider reports means that nobody was connected.
    Connects,
}

impl Effect {
    /// The failure of a request whose answer did not arrive, arrived incomplete, or came from somebody else.
    #[must_use]
    pub fn lost<R: ProviderRejection>(self, reason: impl Into<String>) -> ProviderError<R> {
        match self {
            Self::Reads => ProviderError::unavailable(reason),
            Self::Writes | Self::Connects => ProviderError::OutcomeUnknown { reason: reason.into() },
        }
    }
}

/// The rejection of a provider that exists in tests only.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no")]
pub(super) struct No;

#[cfg(test)]
impl ProviderRejection for No {
    const PROVIDER: &'static str = "a provider";

    fn is_definitive(&self) -> bool {
        true
    }

    fn classify(_: &Answer) -> ProviderError<Self> {
        ProviderError::Rejected(Self)
    }
}
