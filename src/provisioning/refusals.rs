//! A provider's failure as tenants see it: what they can do, and nothing about the provider's internals.

use crate::domain::{Refusal, RefusalCode};
use crate::provider::{ProviderError, ProviderRejection};
use crate::{carrier, voice};

/// A rejection that tenants can be told about.
pub(crate) trait ForTenants: ProviderRejection {
    /// The code while the provider is unavailable.
    const UNAVAILABLE: RefusalCode;

    /// The rejection in the words of our API.
    fn refusal(&self) -> Refusal;
}

/// What a tenant is told when a provider did not do what it was asked.
pub(crate) fn provider_refusal<R: ForTenants>(error: &ProviderError<R>) -> Refusal {
    match error {
        ProviderError::Rejected(rejection) => rejection.refusal(),
        // The difference matters only to the operation, which looks an unknown outcome up by itself.
        ProviderError::Unavailable { .. } | ProviderError::OutcomeUnknown { .. } => Refusal::new(
            R::UNAVAILABLE,
            format!("{} does not answer at the moment: try again later", R::PROVIDER),
        ),
    }
}

/// What an operation waits for while an earlier request to the provider may still be carried out.
pub(super) fn unsettled<R: ForTenants>() -> Refusal {
    let message = format!(
        "the outcome of an earlier request to {} is unknown: it is looked up until it is known",
        R::PROVIDER
    );
    Refusal::new(R::UNAVAILABLE, message)
}

impl ForTenants for carrier::Rejection {
    const UNAVAILABLE: RefusalCode = RefusalCode::CarrierUnavailable;

    fn refusal(&self) -> Refusal {
        let rejected = |message: &str| Refusal::new(RefusalCode::CarrierRejected, message);
        match self {
            Self::NumberNotAvailable => Refusal::new(
                RefusalCode::NumberTaken,
                "the number is not for sale any more: search again with availablePhoneNumbers",
            ),
            Self::NoneInAreaCode => {
                Refusal::new(RefusalCode::NoAvailableNumbers, "the carrier has no numbers in this area code")
            }
            Self::Regulation => rejected(
                "the country asks for an address or documents on file at the carrier: have them approved there first",
            ),
            Self::TrialLimit => {
                rejected("the carrier account is on trial and holds all the numbers it may: upgrade it")
            }
            Self::WebhookAddress => {
                rejected("the carrier does not accept this server's WEBHOOK_BASE_URL: it must be public")
            }
            Self::Account => rejected(
                "the carrier account is not in order: the operator must check its credentials and state",
            ),
            Self::NotFound => rejected("the carrier does not know this number"),
            Self::Other { code, words } => {
                rejected(&format!("the carrier rejected the request: {words} (its code {code})"))
            }
        }
    }
}

impl ForTenants for voice::Rejection {
    const UNAVAILABLE: RefusalCode = RefusalCode::VoiceProviderUnavailable;

    fn refusal(&self) -> Refusal {
        let message = match self {
            Self::NotFound => "the voice provider does not know this agent any more".to_owned(),
            Self::Other { message, .. } => format!("the voice provider rejected the agent: {message}"),
        };
        Refusal::new(RefusalCode::VoiceProviderRejected, message)
    }
}
