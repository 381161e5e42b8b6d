//! How a call to the carrier can fail. The third class decides everything: it may have happened.

use std::time::Duration;

/// Why a call to the carrier did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// The carrier said no; nothing happened, and asking again changes nothing.
    #[error("the carrier refused: {0}")]
    Rejected(Rejection),
    /// It did not happen: the request never arrived, or the carrier turned it away for now.
    #[error("the carrier is not available: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// How long the carrier asks us to wait.
        retry_after: Option<Duration>,
    },
    /// It may have happened: look before doing anything else.
    #[error("the carrier's answer was lost: {reason}")]
    OutcomeUnknown {
        /// For the log.
        reason: String,
    },
}

/// What the carrier said no to. Numbers are Twilio's error codes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// 20404: there is no such thing.
    #[error("not found")]
    NotFound,
    /// 21421, 21422: the number cannot be bought: not valid, sold, or somebody else's.
    #[error("the number is not available")]
    NumberNotAvailable,
    /// 21451, 21452: nothing in this area code.
    #[error("no numbers in this area code")]
    NoneInAreaCode,
    /// 21402, 21403: it does not accept our webhook address.
    #[error("the webhook address was not accepted")]
    WebhookAddress,
    /// 21404, 10002: the account is on trial and may hold no more numbers.
    #[error("the carrier's trial account holds all the numbers it may")]
    TrialLimit,
    /// 21613, 21615, 21631, 21649, 21650, 21651: the country wants an address or documents on file.
    #[error("the country asks for an address or documents on file at the carrier")]
    Regulation,
    /// 20003, 20005, 10001, 20008: our credentials or our account are not in order.
    #[error("the carrier account is not in order")]
    Account,
    /// Anything else, by its code.
    #[error("code {0}")]
    Other(u32),
}
