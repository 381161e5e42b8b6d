//! Accounts: the state of one, subaccounts, and moves of numbers between them.
//!
//! Twilio has no idempotency key: a subaccount carries our mark in its name, by which it is found after a lost answer. Answers
//! contain the subaccounts' tokens and are never logged.

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::client::checked;
use super::error::TWILIO_CODES;
use super::{Carrier, CarrierError, OwnedNumber, Rejection};
use crate::provider::{Answer, ProviderRejection};

/// Twilio's codes for an account that is suspended or closed.
const NOT_ACTIVE: [u32; 2] = [10001, 20005];
/// Subaccounts of one list. Twilio lists no more on a page.
const PAGE_SIZE: &str = "1000";

/// What the carrier says about an account and its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// It is active.
    Active {
        /// Whether it is a trial account, which can reach verified numbers only.
        is_trial: bool,
    },
    /// It is suspended.
    Suspended,
    /// It is closed, for good.
    Closed,
    /// It is suspended or closed; the carrier does not say which.
    NotActive,
    /// The token is not one of the account's.
    WrongCredentials,
    /// The token is right, but the carrier rejects the API key, or does not let it read numbers.
    WrongKey,
    /// The token is right, but the API key belongs to another account.
    ForeignKey,
}

/// A subaccount with its token.
#[derive(Clone)]
pub struct Subaccount {
    /// The carrier's id, `AC…`.
    pub sid: String,
    /// Its primary auth token.
    pub auth_token: SecretString,
}

impl std::fmt::Debug for Subaccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subaccount").field("sid", &self.sid).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Account {
    sid: String,
    status: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    friendly_name: String,
    #[serde(default)]
    auth_token: Option<String>,
}

#[derive(Deserialize)]
struct AccountPage {
    accounts: Vec<Account>,
}

#[derive(Default, Deserialize)]
struct ErrorCode {
    code: Option<u32>,
}

impl Carrier {
    /// Checks the account's state, its token, and the API key if there is one.
    ///
    /// # Errors
    /// [`CarrierError`] if the carrier does not tell; never because it rejects the credentials.
    pub async fn account_state(&self) -> Result<AccountState, CarrierError> {
        let state = self.state_by_token().await?;
        if self.api_key.is_none() || !matches!(state, AccountState::Active { .. }) {
            return Ok(state);
        }
        Ok(self.fault_of_key().await?.unwrap_or(state))
    }

    /// Checks the account's state and its token, which alone verifies webhooks.
    ///
    /// # Errors
    /// [`CarrierError`] if the carrier does not tell; never because it rejects the token.
    pub async fn state_by_token(&self) -> Result<AccountState, CarrierError> {
        let answer = self.by_token().get_any_answer(self.account_url()).await?;
        match (answer.status(), code_of(&answer)) {
            // Only in Twilio's own form: a proxy's answer says nothing about the token.
            (401 | 403, Some(code)) if NOT_ACTIVE.contains(&code) => return Ok(AccountState::NotActive),
            (401, Some(20003)) => return Ok(AccountState::WrongCredentials),
            // For a token of another account, the account does not exist.
            (404, Some(20404)) => return Ok(AccountState::WrongCredentials),
            (200..=299, _) => {}
            _ => return Err(untold(&answer)),
        }
        let account: Account = answer.json()?;
        if account.sid != self.account_sid() {
            return Err(CarrierError::unavailable("it answered with another account"));
        }
        Ok(match account.status.as_str() {
            "suspended" => AccountState::Suspended,
            "closed" => AccountState::Closed,
            _ => AccountState::Active { is_trial: account.kind.as_deref() == Some("Trial") },
        })
    }

    /// What is wrong with the API key. Asks for numbers, since the carrier refuses every standard key on the account itself.
    async fn fault_of_key(&self) -> Result<Option<AccountState>, CarrierError> {
        let mut url = self.url(&["IncomingPhoneNumbers"]);
        url.query_pairs_mut().append_pair("PageSize", "1");
        let answer = self.get_any_answer(url).await?;
        match (answer.status(), code_of(&answer)) {
            (200..=299, _) => Ok(None),
            // Says nothing about the key: the account was suspended since its token was checked.
            (_, Some(code)) if NOT_ACTIVE.contains(&code) => Ok(Some(AccountState::NotActive)),
            (401 | 403, Some(_)) => Ok(Some(AccountState::WrongKey)),
            // For a key of another account, the account does not exist.
            (404, Some(20404)) => Ok(Some(AccountState::ForeignKey)),
            _ => Err(untold(&answer)),
        }
    }

    /// Finds the active subaccounts with this name, oldest first.
    ///
    /// # Errors
    /// [`CarrierError`], but never `Rejected`: a failed look-up says nothing.
    pub async fn subaccounts_named(&self, name: &str) -> Result<Vec<Subaccount>, CarrierError> {
        let mut url = self.accounts_url();
        url.query_pairs_mut()
            .append_pair("FriendlyName", name)
            .append_pair("Status", "active")
            .append_pair("PageSize", PAGE_SIZE);
        let page: AccountPage = self.get(url).await.map_err(CarrierError::of_search)?;
        let mut found: Vec<Account> =
            page.accounts.into_iter().filter(|account| account.friendly_name == name).collect();
        // Twilio lists the newest first.
        found.reverse();
        found.into_iter().map(Account::subaccount).collect()
    }

    /// Creates a subaccount. Check first that none has this name.
    ///
    /// # Errors
    /// [`CarrierError`]. After an unknown outcome, look for it with [`Self::subaccounts_named`].
    pub async fn create_subaccount(&self, name: &str) -> Result<Subaccount, CarrierError> {
        let created: Account = self.post(self.accounts_url(), &[("FriendlyName", name)]).await?;
        let sid = created.sid.clone();
        created.subaccount().map_err(|_| CarrierError::OutcomeUnknown {
            reason: format!("it created the subaccount {sid} and did not tell its token"),
        })
    }

    /// Moves a number from an account of this one's family to another. Nothing but its account is changed.
    ///
    /// # Errors
    /// [`CarrierError`]. After an unknown outcome, look for the number in both accounts.
    pub async fn move_number(&self, from: &str, sid: &str, to: &str) -> Result<(), CarrierError> {
        let url = self.acting_in(checked(from)?).url(&["IncomingPhoneNumbers", checked(sid)?]);
        let _: IgnoredAny = self.post(url, &[("AccountSid", checked(to)?)]).await?;
        Ok(())
    }

    /// Fetches a number from an account of this one's family; `None` if the account does not have it.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn fetch_in(&self, account: &str, sid: &str) -> Result<Option<OwnedNumber>, CarrierError> {
        self.acting_in(checked(account)?).fetch(sid).await
    }

    fn accounts_url(&self) -> Url {
        let mut url = self.account_url();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop().pop().push("Accounts.json");
        }
        url
    }

    fn account_url(&self) -> Url {
        let mut url = self.config.base_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let file = format!("{}.json", self.account_sid());
            segments.pop_if_empty().extend(["2010-04-01", "Accounts", &file]);
        }
        url
    }
}

/// Twilio's code for a failure; `None` if the answer is not in its form, such as a gateway's.
fn code_of(answer: &Answer) -> Option<u32> {
    let code = serde_json::from_slice::<ErrorCode>(answer.body()).unwrap_or_default().code;
    code.filter(|code| TWILIO_CODES.contains(code))
}

/// The error of a check whose answer says nothing about the credentials.
fn untold(answer: &Answer) -> CarrierError {
    match Rejection::classify(answer) {
        CarrierError::Rejected(rejection) => CarrierError::unavailable(rejection.to_string()),
        other => other,
    }
}

impl Account {
    fn subaccount(self) -> Result<Subaccount, CarrierError> {
        let auth_token =
            self.auth_token.ok_or_else(|| CarrierError::unavailable("its list of accounts has no tokens"))?;
        Ok(Subaccount { sid: self.sid, auth_token: auth_token.into() })
    }
}
