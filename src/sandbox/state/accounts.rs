//! Accounts of the carrier: the main account, its subaccounts, and unrelated accounts, with their auth tokens and API keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{Credentials, ambient},
    ProviderState,
    caller_ids::CallerIds,
    messaging::Messaging,
    porting::Porting,
};

/// An account. A subaccount has another owner than itself.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) owner_sid: String,
    pub(crate) friendly_name: String,
    /// Primary auth token, which signs webhooks.
    pub(crate) auth_token: String,
    /// Second valid auth token while the tokens are rotated.
    pub(crate) secondary_token: Option<String>,
    /// Auth token that the sandbox was started with. `None` for every account except the main one.
    pub(crate) configured_token: Option<String>,
    pub(crate) status: Status,
    /// Whether the carrier has suspended the account, so that its parent cannot activate it.
    pub(crate) is_held: bool,
    pub(crate) is_trial: bool,
    pub(crate) keys: Vec<ApiKey>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

/// Status of an account. `Closed` is final.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Active,
    Suspended,
    Closed,
}

impl Status {
    /// Returns the status with this name at Twilio.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }

    /// Returns Twilio's name of the status.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

/// An API key of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) serial: u64,
    pub(crate) sid: String,
    pub(crate) secret: String,
    pub(crate) friendly_name: String,
    /// Permissions of a restricted key. They are stored, not enforced.
    pub(crate) policy: Value,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
}

impl Account {
    pub(crate) fn is_subaccount(&self) -> bool {
        self.owner_sid != self.sid
    }

    /// Returns whether this is a valid auth token of the account.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        // A plain comparison: the token guards nothing but an emulator on this machine.
        self.auth_token == token || self.secondary_token.as_deref() == Some(token)
    }
}

impl ProviderState {
    /// Returns the account with this SID.
    pub(crate) fn account(&self, sid: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.sid == sid)
    }

    /// Returns the account with this SID.
    pub(crate) fn account_mut(&mut self, sid: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.sid == sid)
    }

    /// Returns whether an account and its parent are active.
    pub(crate) fn is_active(&self, sid: &str) -> bool {
        let is_active = |sid: &str| self.account(sid).is_some_and(|account| account.status == Status::Active);
        self.account(sid).is_some_and(|account| is_active(sid) && is_active(&account.owner_sid))
    }

    /// Returns whether an account is this one or a subaccount of it.
    pub(crate) fn is_within(&self, sid: &str, parent: &str) -> bool {
        sid == parent || self.account(sid).is_some_and(|account| account.owner_sid == parent)
    }

    /// Opens an account. `owner` is the parent of a subaccount. `sid` is known to no account; `None` for a random one.
    pub(crate) fn open_account(
        &mut self,
        friendly_name: &str,
        owner: Option<&str>,
        sid: Option<String>,
    ) -> Account {
        let (now, sid) = (self.now(), sid.unwrap_or_else(|| ambient::sid("AC")));
        let account = Account {
            serial: self.serial(),
            owner_sid: owner.unwrap_or(&sid).to_owned(),
            sid,
            friendly_name: friendly_name.to_owned(),
            auth_token: ambient::hex32(),
            secondary_token: None,
            configured_token: None,
            status: Status::Active,
            is_held: false,
            is_trial: owner.and_then(|owner| self.account(owner)).is_some_and(|owner| owner.is_trial),
            keys: Vec::new(),
            created: now,
            updated: now,
        };
        self.accounts.push(account.clone());
        account
    }

    /// Sets an account's status. A closed account, and every subaccount of it, loses its numbers.
    pub(crate) fn set_account_status(&mut self, sid: &str, status: Status) {
        let now = self.now();
        if let Some(account) = self.account_mut(sid) {
            account.status = status;
            account.updated = now;
        }
        if status != Status::Closed {
            return;
        }
        let closed = self.accounts.iter().filter(|account| account.sid == sid || account.owner_sid == sid);
        let closed: Vec<String> = closed.map(|account| account.sid.clone()).collect();
        self.drop_numbers(|number| closed.contains(&number.account));
    }

    /// Makes the account of these credentials the main account. Records of files from before there were several accounts, and those
    /// of a former main account, belong to it.
    pub(super) fn adopt_main_account(&mut self, credentials: &Credentials) {
        let Credentials { account_sid, auth_token, .. } = credentials;
        let former = std::mem::replace(&mut self.main_account, account_sid.clone());
        let is_former = |sid: &String| sid.is_empty() || *sid == former;
        for sid in self.account_sids_mut().filter(|sid| is_former(sid)) {
            sid.clone_from(account_sid);
        }
        if self.account(account_sid).is_none() {
            self.open_account("Sandbox", None, Some(account_sid.clone()));
            if let Some(account) = self.account_mut(account_sid) {
                (account.created, account.updated) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
            }
        }
        let main = self.account_mut(account_sid);
        // A promoted token stays valid over a restart, until the settings name another one.
        if let Some(account) = main.filter(|main| main.configured_token.as_ref() != Some(auth_token)) {
            account.auth_token.clone_from(auth_token);
            account.configured_token = Some(auth_token.clone());
            account.secondary_token = None;
        }
    }

    fn account_sids_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { accounts, numbers, charges, calls, messaging, emergency, caller_ids, porting, .. } = self;
        let Messaging { messages, charges: texts, services, applications, registrations, .. } = messaging;
        let CallerIds { verified, calls: validations } = caller_ids;
        let Porting { requests, documents, webhooks, signing, .. } = porting;
        accounts
            .iter_mut()
            .flat_map(|account| [&mut account.sid, &mut account.owner_sid])
            .chain(numbers.iter_mut().map(|record| &mut record.account))
            .chain(charges.iter_mut().map(|record| &mut record.account))
            .chain(calls.iter_mut().map(|record| &mut record.account))
            .chain(messages.iter_mut().map(|record| &mut record.account))
            .chain(texts.iter_mut().map(|record| &mut record.account))
            .chain(services.iter_mut().map(|record| &mut record.account))
            .chain(applications.iter_mut().map(|record| &mut record.account))
            .chain(registrations.iter_mut().map(|record| &mut record.account))
            .chain(emergency.addresses.iter_mut().map(|record| &mut record.account))
            .chain(verified.iter_mut().map(|record| &mut record.account))
            .chain(validations.iter_mut().map(|record| &mut record.account))
            .chain(requests.iter_mut().flat_map(|record| [&mut record.account, &mut record.requester]))
            .chain(documents.iter_mut().map(|record| &mut record.account))
            .chain(webhooks.iter_mut().map(|record| &mut record.account))
            .chain(signing.iter_mut().map(|record| &mut record.account))
    }
}
