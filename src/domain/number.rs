//! A telephone number leased from the carrier.

mod price;

pub use price::{Cost, Rates};

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;

use super::{AgentId, CountryCode, E164, NumberId, OperationId, TenantId, text_enum};

text_enum! {
    /// Lifecycle state of a number. [`NumberTransition`] holds the legal changes.
    NumberStatus {
        /// Chosen and about to be bought: the carrier may or may not have sold it yet.
        Pending = "pending",
        /// Held and taking calls.
        Active = "active",
        /// Held by the records here, but gone at the carrier.
        Inactive = "inactive",
        /// About to be released.
        Releasing = "releasing",
        /// Released, or never bought. Kept as history.
        Released = "released",
    }
}

impl NumberStatus {
    /// The states in which calls to a number are answered. A number marked as gone that rings all the same is there.
    pub const TAKING_CALLS: [Self; 3] = [Self::Active, Self::Inactive, Self::Releasing];
}

/// What happens to a number after it was claimed: the table of legal changes of its state. The store changes the state of a
/// number by one of these and in no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberTransition {
    /// The carrier sold it.
    Bought,
    /// Its release was requested.
    ReleaseBegun,
    /// Its release ended without effect: it takes calls again.
    ReleaseEnded,
    /// Its release ended without effect, and it was inactive before.
    ReleaseEndedInactive,
    /// The carrier has it, set as it should be.
    Confirmed,
    /// The carrier does not have it any more.
    Lost,
    /// It was released, or its claim was freed unbought.
    Released,
}

impl NumberTransition {
    /// Every transition.
    pub const ALL: [Self; 7] = [
        Self::Bought,
        Self::ReleaseBegun,
        Self::ReleaseEnded,
        Self::ReleaseEndedInactive,
        Self::Confirmed,
        Self::Lost,
        Self::Released,
    ];

    /// The states from which it is legal.
    #[must_use]
    pub const fn from(self) -> &'static [NumberStatus] {
        use NumberStatus::{Active, Inactive, Pending, Releasing};
        match self {
            Self::Bought => &[Pending],
            Self::ReleaseBegun | Self::Confirmed | Self::Lost => &[Active, Inactive],
            Self::ReleaseEnded | Self::ReleaseEndedInactive => &[Releasing],
            Self::Released => &[Pending, Active, Inactive, Releasing],
        }
    }

    /// The state it leads to.
    #[must_use]
    pub const fn to(self) -> NumberStatus {
        match self {
            Self::Bought | Self::ReleaseEnded | Self::Confirmed => NumberStatus::Active,
            Self::ReleaseEndedInactive | Self::Lost => NumberStatus::Inactive,
            Self::ReleaseBegun => NumberStatus::Releasing,
            Self::Released => NumberStatus::Released,
        }
    }

    /// The end of a release without effect, for a number that was in this state before it began.
    #[must_use]
    pub const fn release_ended(was: NumberStatus) -> Self {
        match was {
            NumberStatus::Inactive => Self::ReleaseEndedInactive,
            _ => Self::ReleaseEnded,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_changes_by_legal_transitions_only_and_a_released_one_never_again() {
        use NumberStatus::{Active, Inactive, Pending, Released, Releasing};
        let legal = [
            (Pending, Active),
            (Pending, Released),
            (Active, Active),
            (Active, Inactive),
            (Active, Releasing),
            (Active, Released),
            (Inactive, Active),
            (Inactive, Inactive),
            (Inactive, Releasing),
            (Inactive, Released),
            (Releasing, Active),
            (Releasing, Inactive),
            (Releasing, Released),
        ];
        for from in NumberStatus::ALL {
            for to in NumberStatus::ALL {
                let mut ways = NumberTransition::ALL.iter().filter(|way| way.to() == *to);
                let is_possible = ways.any(|way| way.from().contains(from));
                assert_eq!(is_possible, legal.contains(&(*from, *to)), "{from} to {to}");
            }
        }
        assert_eq!(NumberTransition::release_ended(Inactive).to(), Inactive);
        assert_eq!(NumberTransition::release_ended(Active).to(), Active);
    }
}
