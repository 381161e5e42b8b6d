//! What a client can put right.

use async_graphql::{Enum, Object};

use crate::domain::{AreaCode, Refusal};

/// Why a mutation did not do what was asked. New codes may be added: treat one you do not know as a plain
/// refusal and show its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::domain::RefusalCode")]
pub(crate) enum UserErrorCode {
    /// A value of the input is not what it should be; the message says what to pass instead.
    InvalidInput,
    /// There is nothing under this id, or nothing of yours.
    NotFound,
    /// The carrier has no number of the kind asked for; `suggestedAreaCodes` names places that have some.
    NoAvailableNumbers,
    /// The number asked for belongs to somebody else by now.
    NumberTaken,
    /// The agent has a number already; ask with `additional: true` for a further one.
    PhoneNumberAlreadyExists,
    /// The plan, or the server's own guard against spending, allows no more.
    LimitReached,
    /// The idempotency key was used before with other input; repeat that input, or take a new key.
    IdempotencyKeyReused,
    /// The carrier said no.
    CarrierRejected,
    /// The carrier does not answer; the same request may succeed later.
    CarrierUnavailable,
    /// The voice provider said no.
    VoiceProviderRejected,
    /// The voice provider does not answer; the same request may succeed later.
    VoiceProviderUnavailable,
}

/// Something about a request that its sender can put right. Anything else that goes wrong is an entry of the
/// answer's `errors`, with a code in its `extensions`.
#[derive(Debug, Clone)]
pub(crate) struct UserError(pub(crate) Refusal);

/// Something about a request that its sender can put right. Anything else that goes wrong is an entry of the
/// answer's `errors`, with a code in its `extensions`.
#[Object]
impl UserError {
    /// What is wrong, for programs.
    async fn code(&self) -> UserErrorCode {
        self.0.code.into()
    }

    /// What is wrong and what to do about it, for people.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// The path of the argument at fault, like `["input", "areaCode"]`; null when it is no single one.
    async fn field(&self) -> Option<&[String]> {
        (!self.0.field.is_empty()).then_some(self.0.field.as_slice())
    }

    /// Area codes that do have numbers, where asking for one of them would help.
    async fn suggested_area_codes(&self) -> Option<Vec<&str>> {
        let codes: Vec<_> = self.0.suggested_area_codes.iter().map(AreaCode::as_str).collect();
        (!codes.is_empty()).then_some(codes)
    }
}
