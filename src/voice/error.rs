//! How a call to the voice provider can fail.

use std::time::Duration;

/// Why a call to the voice provider did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoiceError {
    /// It said no; nothing happened, and asking again changes nothing.
    #[error("the voice provider refused ({status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Its own words, cut short and fit to be shown.
        message: String,
    },
    /// There is no such agent.
    #[error("the voice provider knows no such agent")]
    NotFound,
    /// It did not happen.
    #[error("the voice provider is not available: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It may have happened: look before doing anything else.
    #[error("the voice provider's answer was lost: {reason}")]
    OutcomeUnknown {
        /// For the log.
        reason: String,
    },
}
