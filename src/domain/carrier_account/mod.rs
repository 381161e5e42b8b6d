//! Accounts at the carrier: the platform's, which all tenants share, and those that belong to one tenant.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{CarrierAccountId, TenantId, text_enum};

text_enum! {
    /// Whose account it is.
    CarrierAccountKind {
        /// The platform's account, which the tenants share.
        Shared = "shared",
        /// A subaccount of the platform's account, for one tenant.
        Subaccount = "subaccount",
        /// The tenant's own account, which it has connected.
        Own = "own",
    }
}

text_enum! {
    /// State of an account at the carrier.
    CarrierAccountStatus {
        /// The carrier accepts its credentials.
        Active = "active",
        /// The carrier has suspended it.
        Suspended = "suspended",
        /// It is closed.
        Closed = "closed",
        /// The carrier rejects its credentials: the token was rotated or revoked, or the API key was deleted.
        Rejected = "rejected",
    }
}

/// An account at the carrier that belongs to a tenant. Never contains its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierAccount {
    /// Id of the row.
    pub id: CarrierAccountId,
    /// The tenant that it belongs to.
    pub tenant_id: TenantId,
    /// The carrier's id, `AC…`.
    pub sid: String,
    /// Whose account it is.
    pub kind: CarrierAccountKind,
    /// The carrier's id of the API key that authenticates requests, `SK…`; `None`: the auth token does.
    pub api_key_sid: Option<String>,
    /// Its state at the last check.
    pub status: CarrierAccountStatus,
    /// What is wrong with it, in words; `None` if nothing is.
    pub detail: Option<String>,
    /// When it was last checked at the carrier.
    pub checked_at: Option<DateTime<Utc>>,
    /// When it was connected, or its creation began.
    pub created_at: DateTime<Utc>,
}

impl CarrierAccountId {
    /// The id of the platform's account, which has no row.
    pub const SHARED: Self = Self(Uuid::nil());

    /// The id as numbers store it: `None` for the platform's account.
    #[must_use]
    pub fn of_tenant(self) -> Option<Self> {
        (self != Self::SHARED).then_some(self)
    }
}

/// The accounts of a number. In each, `None` is the platform's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct NumberAccounts {
    /// The account that holds it.
    pub owner: Option<CarrierAccountId>,
    /// The account it is moving to; once it has moved, the one it came from. The outer `None`: it was never moved.
    pub other: Option<Option<CarrierAccountId>>,
    /// Whether it is being moved to the other account.
    pub is_moving: bool,
}

impl NumberAccounts {
    /// The accounts as they are stored.
    #[must_use]
    pub fn stored(owner: Option<Uuid>, other: Option<Uuid>, was_moved: bool, is_moving: bool) -> Self {
        let [owner, other] = [owner, other].map(|account| account.map(CarrierAccountId));
        Self { owner, other: was_moved.then_some(other), is_moving }
    }

    /// Whether calls and messages to the number may come from this account. While it is being moved, both may hold it.
    #[must_use]
    pub fn may_be(&self, account: Option<CarrierAccountId>) -> bool {
        self.owner == account || (self.is_moving && self.other == Some(account))
    }

    /// The accounts that may know calls and messages of the number, the most likely one first.
    pub fn all(&self) -> impl Iterator<Item = Option<CarrierAccountId>> + use<> {
        let (owner, other) = (self.owner, self.other);
        std::iter::once(owner).chain(other.filter(|other| *other != owner))
    }
}
