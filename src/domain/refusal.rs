//! Refusals: why a request was refused or an operation failed, and what the client can do.

use super::{AreaCode, Invalid, text_enum};

text_enum! {
    /// Error code of a refusal, as in the public API.
    RefusalCode {
        /// A value is invalid.
        InvalidInput = "INVALID_INPUT",
        /// The object does not exist or belongs to another tenant.
        NotFound = "NOT_FOUND",
        /// The carrier has no matching number.
        NoAvailableNumbers = "NO_AVAILABLE_NUMBERS",
        /// The requested number is no longer for sale.
        NumberTaken = "NUMBER_TAKEN",
        /// The agent already has a number, or one is being bought for it.
        PhoneNumberAlreadyExists = "PHONE_NUMBER_ALREADY_EXISTS",
        /// A limit of the plan or of the server is reached.
        LimitReached = "LIMIT_REACHED",
        /// The idempotency key was used with different input, or is being used concurrently.
        IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED",
        /// The carrier rejected the request.
        CarrierRejected = "CARRIER_REJECTED",
        /// The carrier is unavailable, or the outcome of a request is unknown.
        CarrierUnavailable = "CARRIER_UNAVAILABLE",
        /// The voice provider rejected the request.
        VoiceProviderRejected = "VOICE_PROVIDER_REJECTED",
        /// The voice provider is unavailable, or the outcome of a request is unknown.
        VoiceProviderUnavailable = "VOICE_PROVIDER_UNAVAILABLE",
        /// The recipient asked for no more texts.
        OptedOut = "OPTED_OUT",
        /// The number is not registered for texts with the networks.
        NotRegistered = "NOT_REGISTERED",
    }
}

text_enum! {
    /// The limit that caused `LIMIT_REACHED`.
    UsedUp {
        /// A limit of the tenant's plan.
        Plan = "plan",
        /// Purchases per hour of all tenants together.
        PurchasesPerHour = "purchases_per_hour",
        /// Purchases per hour of the tenant.
        TenantPurchasesPerHour = "tenant_purchases_per_hour",
        /// Agents that the tenant may create per hour.
        TenantAgentsPerHour = "tenant_agents_per_hour",
        /// A limit of a single request.
        Request = "request",
    }
}

/// A refusal: what is wrong, which field, what to do. Contains nothing that a client must not see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Error code, for programs.
    pub code: RefusalCode,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Path of the invalid input: `["input", "areaCode"]`; empty if no single field is at fault.
    pub field: Vec<String>,
    /// Area codes with numbers on sale, for `NO_AVAILABLE_NUMBERS`; otherwise empty.
    pub suggested_area_codes: Vec<AreaCode>,
    /// The limit reached, for `LIMIT_REACHED`; otherwise `None`.
    pub used_up: Option<UsedUp>,
}

impl Refusal {
    /// A refusal without a field.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: Vec::new(),
            suggested_area_codes: Vec::new(),
            used_up: None,
        }
    }

    /// A refusal with `LIMIT_REACHED`.
    pub fn limit_reached(used_up: UsedUp, message: impl Into<String>) -> Self {
        Self { used_up: Some(used_up), ..Self::new(RefusalCode::LimitReached, message) }
    }

    /// Sets the field to `input.<field>`.
    #[must_use]
    pub fn at(mut self, field: &str) -> Self {
        // Every mutation has exactly one argument, `input`, so all paths begin with it.
        self.field = vec!["input".to_owned(), field.to_owned()];
        self
    }

    /// A refusal with `INVALID_INPUT` at `input.<field>`.
    #[must_use]
    pub fn invalid(field: &str, why: &Invalid) -> Self {
        Self::new(RefusalCode::InvalidInput, why.0.clone()).at(field)
    }

    /// A refusal with `NOT_FOUND` at `input.<field>`. The same for an object of another tenant, so that
    /// its existence stays hidden.
    #[must_use]
    pub fn not_found(what: &str, field: &str) -> Self {
        Self::new(RefusalCode::NotFound, format!("there is no {what} with this id")).at(field)
    }
}
