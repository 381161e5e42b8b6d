//! A telephone number leased from the carrier.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;

use super::{AgentId, CountryCode, E164, NumberId, OperationId, TenantId, text_enum};

text_enum! {
    /// Where a number is in its life here. Legal ways: pending → active → releasing → released,
    /// active ↔ inactive, and pending → released when it could not be bought.
    NumberStatus {
        /// Chosen and about to be bought: the carrier may or may not have sold it yet.
        Pending = "pending",
        /// Ours, and answering.
        Active = "active",
        /// Ours by our records, but gone at the carrier or unable to answer.
        Inactive = "inactive",
        /// About to be given back.
        Releasing = "releasing",
        /// Given back, or never bought; kept as history.
        Released = "released",
    }
}

impl NumberStatus {
    /// The states in which calls to a number are answered. One that is held to be gone and rings all the same is there.
    pub const TAKING_CALLS: [Self; 3] = [Self::Active, Self::Inactive, Self::Releasing];
}

text_enum! {
    /// Kinds of numbers, as the carrier sells them.
    NumberType {
        /// Belongs to a place.
        Local = "local",
        /// Free for the caller.
        TollFree = "toll_free",
        /// A mobile number.
        Mobile = "mobile",
    }
}

text_enum! {
    /// Who leases the number to us.
    Provider {
        /// Twilio.
        Twilio = "twilio",
        /// ElevenLabs.
        ElevenLabs = "elevenlabs",
    }
}

/// What a number can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    /// Calls.
    pub voice: bool,
    /// Text messages.
    pub sms: bool,
    /// Picture messages.
    pub mms: bool,
}

/// A number: from the moment it is chosen, before it is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    /// Its id here.
    pub id: NumberId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Who answers it.
    pub agent_id: AgentId,
    /// The operation that bought it, whose id its name at the carrier carries.
    pub operation_id: OperationId,
    /// The number.
    pub number: E164,
    /// As people read it: `(212) 555-0123`.
    pub friendly_name: String,
    /// The carrier's id, once it is bought.
    pub sid: Option<String>,
    /// Who leases it to us.
    pub provider: Provider,
    /// What kind of number it is.
    pub kind: NumberType,
    /// Where it is in its life.
    pub status: NumberStatus,
    /// What it can carry.
    pub capabilities: Capabilities,
    /// Its country.
    pub country: CountryCode,
    /// Its place, where it has one.
    pub locality: Option<String>,
    /// Its state or region, where it has one.
    pub region: Option<String>,
    /// US dollars a month.
    pub monthly_cost: Decimal,
    /// Counts changes of its rules, which are read apart: they may be long.
    pub routing_version: i32,
    /// When it was chosen.
    pub created_at: DateTime<Utc>,
    /// When it was bought.
    pub provisioned_at: Option<DateTime<Utc>>,
    /// When it was given back.
    pub released_at: Option<DateTime<Utc>>,
}

impl PhoneNumber {
    /// How many months' prices the carrier charges for it from `from` on, before `until`: one on the day it is bought
    /// and one on that day of every month after it (or that month's last), until it is given back. A month begun is
    /// charged whole.
    #[must_use]
    pub fn months_charged(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> u32 {
        let Some(bought) = self.provisioned_at else { return 0 };
        let is_held =
            |day: &DateTime<Utc>| *day < until && self.released_at.is_none_or(|released| *day <= released);
        let days = (0..).map_while(|month| bought.checked_add_months(Months::new(month))).take_while(is_held);
        days.filter(|day| *day >= from).fold(0, |months, _| months + 1)
    }
}
