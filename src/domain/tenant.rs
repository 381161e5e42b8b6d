//! Tenants and the limits of their plans.

mod dialing;

pub use dialing::{Countries, Dialing, DialingChange, DialingOverride};

use chrono::{DateTime, Utc};

use super::TenantId;

/// A customer of the platform. Created when a valid token with its id is first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The subject of its tokens.
    pub id: TenantId,
    /// The plan's name, for display only.
    pub plan: String,
    /// Limits of the plan.
    pub limits: Limits,
    /// Exceptions from the platform's dialling policy, set by an operator.
    pub dialing: DialingOverride,
    /// Time of the first valid token.
    pub created_at: DateTime<Utc>,
}

/// Limits of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Call slots: concurrent calls to agents.
    pub concurrent_calls: u16,
    /// Numbers held at the same time, including numbers that are being bought or released.
    pub phone_numbers: u16,
    /// Text messages sent within 24 hours.
    pub messages_per_day: u32,
}

impl Limits {
    /// Whether a call gets a slot while so many calls of the tenant hold one ([`super::CallStatus::UNDER_WAY`]).
    #[must_use]
    pub fn has_free_call_slot(self, held: i64) -> bool {
        held < i64::from(self.concurrent_calls)
    }
}

impl Tenant {
    /// Name of the plan of a new tenant.
    pub const DEFAULT_PLAN: &'static str = "starter";

    /// Limits of a new tenant, until an operator sets its plan.
    pub const DEFAULT_LIMITS: Limits =
        Limits { concurrent_calls: 10, phone_numbers: 25, messages_per_day: 1000 };
}
