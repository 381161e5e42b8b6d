//! A tenant: one client of the platform, and what its plan allows.

mod dialing;

pub use dialing::{Countries, Dialing, DialingChange, DialingOverride};

use chrono::{DateTime, Utc};

use super::TenantId;

/// A client of the platform. Made at the first sight of a valid token with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The token's subject.
    pub id: TenantId,
    /// The plan's name, for people.
    pub plan: String,
    /// What the plan allows.
    pub limits: Limits,
    /// Which numbers are dialled for it, where an operator has decided that.
    pub dialing: DialingOverride,
    /// When the tenant was first seen.
    pub created_at: DateTime<Utc>,
}

/// What a plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls at the same time.
    pub concurrent_calls: u16,
    /// Numbers held at the same time, those being bought or released included.
    pub phone_numbers: u16,
}

impl Tenant {
    /// The plan of a tenant nobody has given another.
    pub const DEFAULT_PLAN: &'static str = "starter";

    /// What a tenant may use until an operator sets its plan.
    pub const DEFAULT_LIMITS: Limits = Limits { concurrent_calls: 10, phone_numbers: 25 };
}
