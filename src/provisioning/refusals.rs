//! A provider's failure in the words of our own API: what the client can do, and nothing of the provider's insides.

use crate::carrier::{CarrierError, Rejection};
use crate::domain::{Refusal, RefusalCode};
use crate::voice::VoiceError;

/// What a client is told when the carrier did not do as asked.
#[must_use]
pub fn carrier_refusal(error: &CarrierError) -> Refusal {
    let rejected = |message: &str| Refusal::new(RefusalCode::CarrierRejected, message);
    match error {
        CarrierError::Rejected(rejection) => match rejection {
            Rejection::NumberNotAvailable => Refusal::new(
                RefusalCode::NumberTaken,
                "the number is not for sale any more: search again with availablePhoneNumbers",
            ),
            Rejection::NoneInAreaCode => {
                Refusal::new(RefusalCode::NoAvailableNumbers, "the carrier has no numbers in this area code")
            }
            Rejection::Regulation => rejected(
                "the country asks for an address or documents on file at the carrier: have them approved there first",
            ),
            Rejection::TrialLimit => {
                rejected("the carrier account is on trial and holds all the numbers it may: upgrade it")
            }
            Rejection::WebhookAddress => {
                rejected("the carrier does not accept this server's WEBHOOK_BASE_URL: it must be public")
            }
            Rejection::Account => rejected(
                "the carrier account is not in order: the operator must check its credentials and state",
            ),
            Rejection::NotFound => rejected("the carrier does not know this number"),
            Rejection::Other { code, words } => {
                rejected(&format!("the carrier refused the request: {words} (its code {code})"))
            }
        },
        CarrierError::Unavailable { .. } | CarrierError::OutcomeUnknown { .. } => Refusal::new(
            RefusalCode::CarrierUnavailable,
            "the carrier does not answer at the moment: try again later",
        ),
    }
}

/// What a client is told when the voice provider did not do as asked.
#[must_use]
pub fn voice_refusal(error: &VoiceError) -> Refusal {
    match error {
        VoiceError::Rejected { message, .. } => Refusal::new(
            RefusalCode::VoiceProviderRejected,
            format!("the voice provider refused the agent: {message}"),
        ),
        VoiceError::NotFound => Refusal::new(
            RefusalCode::VoiceProviderRejected,
            "the voice provider does not know this agent any more",
        ),
        VoiceError::Unavailable { .. } | VoiceError::OutcomeUnknown { .. } => Refusal::new(
            RefusalCode::VoiceProviderUnavailable,
            "the voice provider does not answer at the moment: try again later",
        ),
    }
}
