//! Records of emergency calling: addresses of accounts, and the registration of numbers with them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::ProviderState;

/// Addresses of all accounts, and the settings of the control API for registrations.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Emergency {
    pub(crate) addresses: Vec<Address>,
    pub(crate) settings: Settings,
}

/// An address of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) account: String,
    /// Values by JSON name. Unset ones are absent.
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

impl Address {
    /// Returns a setting's value, or `""` if it is unset.
    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    /// Returns whether emergency calls can be dispatched to the address.
    pub(crate) fn is_for_emergencies(&self) -> bool {
        self.setting("emergency_enabled").eq_ignore_ascii_case("true")
    }
}

/// Settings of the control API for registrations.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Seconds of the providers' clock for which a registration and its removal are pending.
    pub(crate) pending_seconds: u32,
    /// Whether registrations that start from now on fail.
    pub(crate) registrations_fail: bool,
    /// Whether removals that start from now on fail.
    pub(crate) unregistrations_fail: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pending_seconds: 1, registrations_fail: false, unregistrations_fail: false }
    }
}

/// A number's emergency address.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Registration {
    /// Kept until the removal is complete.
    pub(crate) address_sid: Option<String>,
    pub(crate) status: RegistrationStatus,
    /// End of a pending status.
    pub(crate) due: Option<DateTime<Utc>>,
    /// Whether the pending status ends with a failure.
    pub(crate) fails: bool,
}

/// Twilio's `emergency_address_status`.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RegistrationStatus {
    #[default]
    Unregistered,
    PendingRegistration,
    Registered,
    RegistrationFailure,
    PendingUnregistration,
    UnregistrationFailure,
}

impl Registration {
    /// Returns whether a number has no emergency address and none is being registered or removed.
    pub(crate) fn is_clear(&self) -> bool {
        self.status == RegistrationStatus::Unregistered
    }

    /// Returns the address as the number shows it: not while it is removed.
    pub(crate) fn shown_address(&self) -> Option<&str> {
        let is_leaving = self.status == RegistrationStatus::PendingUnregistration;
        self.address_sid.as_deref().filter(|_| !is_leaving)
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    fn settle(&mut self) {
        use RegistrationStatus as Status;
        self.due = None;
        self.status = match (self.status, self.fails) {
            (Status::PendingRegistration, false) => Status::Registered,
            (Status::PendingRegistration, true) => Status::RegistrationFailure,
            (Status::PendingUnregistration, false) => {
                self.address_sid = None;
                Status::Unregistered
            }
            (Status::PendingUnregistration, true) => Status::UnregistrationFailure,
            (other, _) => other,
        };
    }
}

impl ProviderState {
    /// Returns the address of an account with this SID.
    pub(crate) fn address(&self, account: &str, sid: &str) -> Option<&Address> {
        self.emergency.addresses.iter().find(|address| address.sid == sid && address.account == account)
    }

    /// Returns when a registration or a removal that starts now is complete.
    pub(crate) fn registration_due(&self) -> DateTime<Utc> {
        self.now() + TimeDelta::seconds(self.emergency.settings.pending_seconds.into())
    }

    /// Returns whether a pending registration or removal is complete.
    pub(crate) fn is_registration_due(&self) -> bool {
        let now = self.now();
        self.numbers.iter().any(|number| number.emergency.is_due(now))
    }

    /// Completes registrations and removals.
    pub(crate) fn settle_registrations(&mut self) {
        let now = self.now();
        let due = self.numbers.iter_mut().filter(|number| number.emergency.is_due(now));
        due.for_each(|number| number.emergency.settle());
    }
}
