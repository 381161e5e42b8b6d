//! Phone numbers: their lifecycle, type and data.

mod price;
mod stock;

pub use price::{Cost, Rates};
pub use stock::StockWishes;

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;

use super::{
    AgentId, CallGroupId, CountryCode, E164, NumberAccounts, NumberId, OperationId, TenantId, bounded_text,
    text_enum,
};

text_enum! {
    /// Lifecycle state of a number. [`NumberTransition`] holds the legal changes.
    NumberStatus {
        /// Claimed for a purchase; the carrier may already have sold it.
        Pending = "pending",
        /// Held and taking calls.
        Active = "active",
        /// Held by the tenant, but missing at the carrier.
        Inactive = "inactive",
        /// Its release is stored or under way. Still takes calls until it is released.
        Releasing = "releasing",
        /// Released, or claimed and never bought. Kept as history.
        Released = "released",
    }
}

impl NumberStatus {
    /// The states in which calls to a number are answered. `INACTIVE` is one of them: if a call arrives, the
    /// carrier has the number.
    pub const TAKING_CALLS: [Self; 3] = [Self::Active, Self::Inactive, Self::Releasing];
}

/// The legal transitions of a number's state after its claim. The store changes the state only by one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberTransition {
    /// The carrier sold the number.
    Bought,
    /// Its release was requested.
    ReleaseBegun,
    /// Its release was cancelled or failed, and it was active before.
    ReleaseEnded,
    /// Its release was cancelled or failed, and it was inactive before.
    ReleaseEndedInactive,
    /// The carrier has the number with the expected settings.
    Confirmed,
    /// The carrier no longer has the number.
    Lost,
    /// The number was released, or its claim was freed without a purchase.
    Released,
}

impl NumberTransition {
    /// All transitions in order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Bought,
        Self::ReleaseBegun,
        Self::ReleaseEnded,
        Self::ReleaseEndedInactive,
        Self::Confirmed,
        Self::Lost,
        Self::Released,
    ];

    /// The states in which the transition is legal.
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

    /// The state after the transition.
    #[must_use]
    pub const fn to(self) -> NumberStatus {
        match self {
            Self::Bought | Self::ReleaseEnded | Self::Confirmed => NumberStatus::Active,
            Self::ReleaseEndedInactive | Self::Lost => NumberStatus::Inactive,
            Self::ReleaseBegun => NumberStatus::Releasing,
            Self::Released => NumberStatus::Released,
        }
    }

    /// The transition at the end of a cancelled or failed release, for a number that was in this state before.
    #[must_use]
    pub const fn release_ended(was: NumberStatus) -> Self {
        match was {
            NumberStatus::Inactive => Self::ReleaseEndedInactive,
            // Only an active or an inactive number begins a release.
            _ => Self::ReleaseEnded,
        }
    }
}

text_enum! {
    /// Type of a number, as the carrier sells it.
    NumberType {
        /// A geographic number, of a town or a region.
        Local = "local",
        /// A number that is free for the caller.
        TollFree = "toll_free",
        /// A mobile number. Not every country sells them: the United States has none.
        Mobile = "mobile",
    }
}

text_enum! {
    /// The carrier that provides a number.
    Provider {
        /// Twilio: numbers are bought and released through its API.
        Twilio = "twilio",
        /// ElevenLabs, reserved in schema and database: no operation buys numbers there.
        ElevenLabs = "elevenlabs",
    }
}

text_enum! {
    /// Where a number comes from.
    NumberOrigin {
        /// Bought for an agent.
        Purchased = "purchased",
        /// Bought ahead by the operator.
        Stock = "stock",
        /// Held at the carrier before, and taken over.
        Imported = "imported",
        /// Ported from another carrier.
        Ported = "ported",
        /// Hosted by the carrier account before, and taken over: it has the number's texts, and another carrier has its calls.
        Hosted = "hosted",
    }
}

impl NumberOrigin {
    /// Whether this system bought the number. A number of another origin belongs to whoever brought it: it is never deleted at the
    /// carrier, and has none of our marks there.
    #[must_use]
    pub const fn is_bought(self) -> bool {
        matches!(self, Self::Purchased | Self::Stock)
    }

    /// Whether the carrier account held the number before. It is given up with the settings that it had.
    #[must_use]
    pub const fn is_taken_over(self) -> bool {
        matches!(self, Self::Imported | Self::Hosted)
    }
}

bounded_text! {
    /// A tenant's own name for a number: 1 to 100 characters.
    NumberLabel, "label", 100
}

/// Capabilities of a number, as the carrier lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    /// Whether it can receive calls.
    pub voice: bool,
    /// Whether it can receive text messages.
    pub sms: bool,
    /// Whether it can receive multimedia messages.
    pub mms: bool,
}

/// A number of a tenant, from its claim, before it is bought, to its release and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    /// Id of the row, not of the number at the carrier.
    pub id: NumberId,
    /// The tenant that owns it.
    pub tenant_id: TenantId,
    /// The agent that it is assigned to; if it is in the tenant's pool or a call group, the last one. See [`Self::assigned_to`].
    pub agent_id: AgentId,
    /// Since when it has been in the tenant's pool or a call group; `None`: it is assigned to an agent.
    pub pooled_at: Option<DateTime<Utc>>,
    /// The call group that answers its calls; `None` if it is assigned to an agent, or to nobody.
    pub call_group_id: Option<CallGroupId>,
    /// The tenant's own name for it.
    pub label: Option<NumberLabel>,
    /// When it was made its agent's primary number; `None` unless it was. See [`Self::precedes`].
    pub primary_since: Option<DateTime<Utc>>,
    /// Where it comes from.
    pub origin: NumberOrigin,
    /// The account at the carrier that holds it.
    pub accounts: NumberAccounts,
    /// The operation that bought it, took it from stock or took it over.
    pub operation_id: OperationId,
    /// The operation in its mark, if that is another one: see [`Self::mark`].
    pub marked_by: Option<OperationId>,
    /// The number in E.164 form.
    pub number: E164,
    /// The number in national format: `(212) 555-0123`.
    pub friendly_name: String,
    /// The carrier's id; `None` until it is bought.
    pub sid: Option<String>,
    /// The carrier that provides it.
    pub provider: Provider,
    /// Local, toll-free or mobile.
    pub kind: NumberType,
    /// Lifecycle state. Changes only by a [`NumberTransition`].
    pub status: NumberStatus,
    /// Capabilities listed at the purchase.
    pub capabilities: Capabilities,
    /// Country listed at the purchase.
    pub country: CountryCode,
    /// City; `None` if the carrier lists none.
    pub locality: Option<String>,
    /// State or region; `None` if the carrier lists none.
    pub region: Option<String>,
    /// Monthly price at the purchase, in US dollars.
    pub monthly_cost: Decimal,
    /// Version of its routing rules. The rules may be long and are read separately.
    pub routing_version: i32,
    /// When it was claimed.
    pub created_at: DateTime<Utc>,
    /// When it was bought; `None` until then.
    pub provisioned_at: Option<DateTime<Utc>>,
    /// When it was released, or its claim was freed; `None` until then.
    pub released_at: Option<DateTime<Utc>>,
}

impl PhoneNumber {
    /// The operation that bought it at the carrier. Its id is part of the number's name there.
    #[must_use]
    pub fn mark(&self) -> OperationId {
        self.marked_by.unwrap_or(self.operation_id)
    }

    /// The agent that answers its calls; `None`: it is in the tenant's pool, or a call group answers them.
    #[must_use]
    pub fn assigned_to(&self) -> Option<AgentId> {
        self.pooled_at.is_none().then_some(self.agent_id)
    }

    /// Whether this one comes before another active number of the same agent. The first of all is the agent's primary number:
    /// the one that was made so last, else the oldest.
    #[must_use]
    pub fn precedes(&self, other: &Self) -> bool {
        let rank = |number: &Self| (std::cmp::Reverse(number.primary_since), number.created_at, number.id.0);
        rank(self) < rank(other)
    }

    /// Number of monthly charges from `from` (inclusive) to `until` (exclusive). The carrier charges a full month at the
    /// purchase and on the same day of every following month, or on its last day, until the release.
    #[must_use]
    pub fn months_charged(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> u32 {
        self.charged_at(from, until).fold(0, |months, _| months + 1)
    }

    /// When a month's price is charged from `from` (inclusive) to `until` (exclusive), oldest first.
    pub fn charged_at(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let (bought, released) = (self.provisioned_at, self.released_at);
        let is_held =
            // A month is paid in advance and not refunded, so a charge at the moment of the release counts.
            move |day: &DateTime<Utc>| *day < until && released.is_none_or(|released| *day <= released);
        // Each month is added to the purchase: added to the previous day, 31 would become 28 and stay so.
        let days = bought
            .into_iter()
            .flat_map(|bought| (0..).map_while(move |month| bought.checked_add_months(Months::new(month))));
        days.take_while(is_held).filter(move |day| *day >= from)
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
