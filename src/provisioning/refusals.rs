//! Provider failures as tenants see them: what to do, without the provider's internals.

use crate::domain::{Refusal, RefusalCode};
use crate::provider::{ProviderError, ProviderRejection};
use crate::{carrier, voice};

/// A rejection with a message for tenants.
pub(crate) trait ForTenants: ProviderRejection {
    /// Refusal code while the provider is unavailable.
    const UNAVAILABLE: RefusalCode;

    /// The rejection as the API reports it.
    fn refusal(&self) -> Refusal;
}

/// The refusal that a tenant sees after a provider failure.
pub(crate) fn provider_refusal<R: ForTenants>(error: &ProviderError<R>) -> Refusal {
    match error {
        ProviderError::Rejected(rejection) => rejection.refusal(),
        // Tenants see no difference: the operation looks up an unknown outcome by itself.
        ProviderError::Unavailable { .. } | ProviderError::OutcomeUnknown { .. } => Refusal::new(
            R::UNAVAILABLE,
            format!("{} is unavailable at the moment: try again later", R::PROVIDER),
        ),
    }
}

/// The reason of the wait while the provider may still carry out an earlier request.
pub(super) fn unsettled<R: ForTenants>() -> Refusal {
    let message =
        format!("the outcome of an earlier request to {} is unknown: it is being looked up", R::PROVIDER);
    Refusal::new(R::UNAVAILABLE, message)
}

impl ForTenants for carrier::Rejection {
    const UNAVAILABLE: RefusalCode = RefusalCode::CarrierUnavailable;

    fn refusal(&self) -> Refusal {
        let rejected = |message: &str| Refusal::new(RefusalCode::CarrierRejected, message);
        match self {
            Self::NumberNotAvailable => Refusal::new(
                RefusalCode::NumberTaken,
                "the number is no longer for sale: search again with availablePhoneNumbers",
            ),
            Self::NoneInAreaCode => {
                Refusal::new(RefusalCode::NoAvailableNumbers, "the carrier has no numbers in this area code")
            }
            Self::Regulation => rejected(
                "the country requires an address or documents on file at the carrier: have them approved there first",
            ),
            Self::TrialLimit => rejected(
                "the carrier's trial account holds its maximum of numbers: the operator must upgrade it",
            ),
            Self::WebhookAddress => {
                rejected("the carrier does not accept this server's WEBHOOK_BASE_URL: it must be public")
            }
            Self::Account => rejected(
                "the carrier rejected the account: the operator must check its credentials and status",
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
            Self::NotFound => "the voice provider no longer has this agent".to_owned(),
            Self::Other { message, .. } => format!("the voice provider rejected the agent: {message}"),
        };
        Refusal::new(RefusalCode::VoiceProviderRejected, message)
    }
}
