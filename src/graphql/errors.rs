//! The errors that stand beside an answer's data.

use std::sync::Arc;

use crate::domain::Refusal;
use crate::store::StoreError;

/// Why a field has no answer. Its text is for clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// Nobody is asking, or nobody we know.
    #[error("{0}")]
    Unauthenticated(String),
    /// The one who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// An argument is not what it should be.
    #[error("{0}")]
    BadUserInput(String),
    /// A rule of ours forbids it.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The carrier does not answer.
    #[error("the carrier does not answer; try again in a moment")]
    CarrierUnavailable,
    /// A mistake of ours.
    #[error("something went wrong on our side")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// An argument is not what it should be; `message` says what to pass instead.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::BadUserInput(message.into())
    }

    /// The field is not for anonymous callers.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::Unauthenticated("send a token: Authorization: Bearer <token>".to_owned())
    }

    /// The one who asks may not; `message` says who may.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden(message.into())
    }

    /// A mistake of ours, with what is known about it for the log.
    pub fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(source))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            other => Self::internal(other),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
