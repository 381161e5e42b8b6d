//! What a client can put right: the reason a request was refused or an operation failed.

use super::{AreaCode, Invalid, text_enum};

text_enum! {
    /// Why a request was refused, in the public API's words.
    RefusalCode {
        /// A value is not what it should be.
        InvalidInput = "INVALID_INPUT",
        /// No such thing, or none of the tenant's.
        NotFound = "NOT_FOUND",
        /// The carrier has no number of the kind asked for.
        NoAvailableNumbers = "NO_AVAILABLE_NUMBERS",
        /// The number asked for belongs to somebody else by now.
        NumberTaken = "NUMBER_TAKEN",
        /// The agent has a number already.
        PhoneNumberAlreadyExists = "PHONE_NUMBER_ALREADY_EXISTS",
        /// The plan, or the server's guard, allows no more.
        LimitReached = "LIMIT_REACHED",
        /// The key was used before, with other input.
        IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED",
        /// The carrier said no.
        CarrierRejected = "CARRIER_REJECTED",
        /// The carrier does not answer.
        CarrierUnavailable = "CARRIER_UNAVAILABLE",
        /// The voice provider said no.
        VoiceProviderRejected = "VOICE_PROVIDER_REJECTED",
        /// The voice provider does not answer.
        VoiceProviderUnavailable = "VOICE_PROVIDER_UNAVAILABLE",
    }
}

text_enum! {
    /// What was used up when LIMIT_REACHED is said.
    UsedUp {
        /// What the tenant's plan allows.
        Plan = "plan",
        /// The server's purchases an hour, whoever asks.
        PurchasesPerHour = "purchases_per_hour",
        /// The tenant's purchases an hour.
        TenantPurchasesPerHour = "tenant_purchases_per_hour",
        /// The agents that the tenant may create in an hour.
        TenantAgentsPerHour = "tenant_agents_per_hour",
        /// What one request may ask for.
        Request = "request",
    }
}

/// A refusal: what is wrong, which field, what to do. Holds nothing a client may not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Why, for programs.
    pub code: RefusalCode,
    /// Why and what to do, for people.
    pub message: String,
    /// The path of the input at fault: `["input", "areaCode"]`; empty when no single one is.
    pub field: Vec<String>,
    /// Area codes that do have numbers, where that helps.
    pub suggested_area_codes: Vec<AreaCode>,
    /// Which limit was reached, when one was.
    pub used_up: Option<UsedUp>,
}

impl Refusal {
    /// A refusal that concerns no single field.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: Vec::new(),
            suggested_area_codes: Vec::new(),
            used_up: None,
        }
    }

    /// A limit was reached.
    pub fn limit_reached(used_up: UsedUp, message: impl Into<String>) -> Self {
        Self { used_up: Some(used_up), ..Self::new(RefusalCode::LimitReached, message) }
    }

    /// The same refusal, about `input.<field>`.
    #[must_use]
    pub fn at(mut self, field: &str) -> Self {
        self.field = vec!["input".to_owned(), field.to_owned()];
        self
    }

    /// A value of `input.<field>` that is not what it should be.
    #[must_use]
    pub fn invalid(field: &str, why: &Invalid) -> Self {
        Self::new(RefusalCode::InvalidInput, why.0.clone()).at(field)
    }

    /// Nothing of this kind under this id; says the same of what belongs to others.
    #[must_use]
    pub fn not_found(what: &str, field: &str) -> Self {
        Self::new(RefusalCode::NotFound, format!("there is no {what} with this id")).at(field)
    }
}
