//! GraphQL type `UserError`: an error that the client can correct.

use async_graphql::{Enum, Object};

use crate::domain::{AreaCode, Refusal};

/// Reason of a `UserError`. New codes may be added: treat an unknown one as a general error and show its
/// message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::RefusalCode")]
pub(crate) enum UserErrorCode {
    /// A value of the input is invalid. The message states what is allowed.
    InvalidInput,
    /// No object of the tenant has this id.
    NotFound,
    /// The carrier has no such number for sale. `suggestedAreaCodes` lists area codes that have some.
    NoAvailableNumbers,
    /// Somebody else bought the requested number first.
    NumberTaken,
    /// The agent already has a number. Pass `additional: true` to buy another one.
    PhoneNumberAlreadyExists,
    /// A limit of the plan, of the hour or of one request is reached. The message names it.
    LimitReached,
    /// The idempotency key was used before with other input. Repeat that input, or use a new key.
    IdempotencyKeyReused,
    /// The carrier rejected the request. The message contains the reason.
    CarrierRejected,
    /// The carrier is unavailable. Retry later.
    CarrierUnavailable,
    /// The voice provider rejected the request. The message contains the reason.
    VoiceProviderRejected,
    /// The voice provider is unavailable. Retry later.
    VoiceProviderUnavailable,
    /// The recipient asked for no more texts. Only the recipient's own START, or a consent given otherwise, permits them again.
    OptedOut,
    /// The number is not registered for texts with the networks, which would block them.
    NotRegistered,
}

/// An error that the client can correct, in the domain's form.
#[derive(Debug, Clone)]
pub(crate) struct UserError(pub(crate) Refusal);

/// An error that the client can correct. All other errors are entries of the response's `errors`, with a code
/// in `extensions`.
#[Object]
impl UserError {
    /// Reason, for programs.
    async fn code(&self) -> UserErrorCode {
        self.0.code.into()
    }

    /// What is wrong and what to do, for people.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// Path of the invalid input, such as `["input", "areaCode"]`; `null` if the error concerns no single
    /// field.
    async fn field(&self) -> Option<&[String]> {
        (!self.0.field.is_empty()).then_some(self.0.field.as_slice())
    }

    /// Area codes that have numbers for sale; `null` where none would help.
    async fn suggested_area_codes(&self) -> Option<Vec<&str>> {
        let codes: Vec<_> = self.0.suggested_area_codes.iter().map(AreaCode::as_str).collect();
        (!codes.is_empty()).then_some(codes)
    }
}
