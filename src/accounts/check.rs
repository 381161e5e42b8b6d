//! Checks of an account's credentials at the carrier, and what to say about them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Accounts, KnownAccount};
use crate::carrier::{AccountCredentials, AccountState, CarrierError};
use crate::domain::{CarrierAccountId, CarrierAccountStatus};
use crate::store::{AccountCheck, ReplacedToken, SealedTokens, StoreError};

/// How long signatures with the previous token are accepted after a rotation.
const PREVIOUS_TOKEN: TimeDelta = TimeDelta::hours(24);
/// Least time between two checks of an account because of failing signatures: strangers can send as many as they like.
const RECHECK_AFTER: Duration = Duration::from_secs(1);
/// How long a caller waits for such a check. The carrier gives up on a webhook after 15 s.
const RECHECK_TIME: Duration = Duration::from_secs(4);
/// Accounts whose last recheck is remembered, at most.
const MOST_RECHECKS: usize = 10_000;

/// When accounts were rechecked last. Requests that come meanwhile wait for the same check.
#[derive(Debug, Default)]
pub(super) struct Rechecks(Mutex<HashMap<CarrierAccountId, Arc<tokio::sync::Mutex<Option<Recheck>>>>>);

/// The last recheck of an account.
#[derive(Debug, Clone, Copy)]
struct Recheck {
    /// When it began.
    at: Instant,
    /// Whether the carrier accepted the token.
    is_good: bool,
}

/// Why an account cannot be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotConnected {
    /// It is the platform's own, or one of its subaccounts.
    Ours,
    /// The token is not the account's.
    WrongToken,
    /// The carrier rejects the API key, or does not let it read numbers.
    WrongKey,
    /// The API key is another account's.
    ForeignKey,
    /// It is suspended or closed: which, in words.
    NotActive(&'static str),
    /// The carrier does not tell.
    Carrier(CarrierError),
    /// There is no `ENCRYPTION_KEY`.
    NoKey,
}

impl Accounts {
    /// Checks credentials that a tenant presents. Returns the account's state.
    ///
    /// # Errors
    /// [`NotConnected`].
    pub async fn try_credentials(
        &self,
        sid: &str,
        credentials: &AccountCredentials,
    ) -> Result<AccountCheck, NotConnected> {
        if !self.can_seal() {
            return Err(NotConnected::NoKey);
        }
        if sid == self.platform().account_sid() {
            return Err(NotConnected::Ours);
        }
        let carrier = self.platform().for_account(sid.to_owned(), credentials.clone());
        match carrier.account_state().await.map_err(NotConnected::Carrier)? {
            AccountState::WrongCredentials => Err(NotConnected::WrongToken),
            AccountState::WrongKey => Err(NotConnected::WrongKey),
            AccountState::ForeignKey => Err(NotConnected::ForeignKey),
            AccountState::Suspended => Err(NotConnected::NotActive("suspended")),
            AccountState::Closed => Err(NotConnected::NotActive("closed")),
            AccountState::NotActive => Err(NotConnected::NotActive("suspended or closed")),
            active @ AccountState::Active { .. } => Ok(verdict(active)),
        }
    }

    /// Reads what this token of an account replaces; `None` if the account is not connected. The same token again prolongs nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replaced_by(
        &self,
        sid: &str,
        token: &SecretString,
    ) -> Result<Option<ReplacedToken>, StoreError> {
        // Not from memory: the token that this one replaces may have been stored by another server a moment ago.
        let Some(stored) = self.0.store.carrier_account_by_sid(sid).await? else { return Ok(None) };
        let Some(known) = self.learn(stored) else { return Ok(None) };
        let SealedTokens { token: sealed, previous, previous_until, .. } = &known.sealed;
        let is_same =
            known.token.as_ref().is_some_and(|known| known.expose_secret() == token.expose_secret());
        let previous = if is_same {
            previous.clone().zip(*previous_until)
        } else {
            sealed.clone().zip(Some(self.0.clock.now() + PREVIOUS_TOKEN))
        };
        Ok(Some(ReplacedToken { previous, previous_until: *previous_until }))
    }

    /// Checks an account whose webhook had an invalid signature. Requests that arrive before a check begins share it. Returns whether its
    /// token is known to be good, so that the webhook is a forgery.
    pub async fn recheck(&self, id: CarrierAccountId) -> bool {
        let arrived = Instant::now();
        let turn = {
            let mut rechecks = self.0.rechecks.0.lock().unwrap_or_else(PoisonError::into_inner);
            if rechecks.len() >= MOST_RECHECKS {
                rechecks.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(rechecks.entry(id).or_default())
        };
        let checked = async {
            let mut last = turn.lock().await;
            match *last {
                // The check of another request, begun after this one arrived.
                Some(last) if last.at >= arrived => return last.is_good,
                // An older one says nothing: the token may have been revoked since.
                Some(last) => sleep_until(last.at + RECHECK_AFTER).await,
                None => {}
            }
            let at = Instant::now();
            // A carrier that does not answer says nothing: the caller of a real call must not be left without an answer.
            let is_good = self.check_token(id).await.unwrap_or(false);
            *last = Some(Recheck { at, is_good });
            is_good
        };
        timeout(RECHECK_TIME, checked).await.unwrap_or(false)
    }

    /// Checks an account at the carrier, and stores the result.
    pub(super) async fn check(&self, id: CarrierAccountId) {
        let Some(known) = self.known(id) else { return };
        let Some(credentials) = known.credentials() else { return self.note(&known, unreadable()).await };
        if let Some(state) = told(&known, self.client(&known, credentials).account_state().await) {
            self.note(&known, verdict(state)).await;
        }
    }

    /// Checks the token of an account alone: an API key that the carrier does not tell about must not let a forgery pass. Returns
    /// whether the account is active and the token accepted; `None` if the carrier does not tell.
    async fn check_token(&self, id: CarrierAccountId) -> Option<bool> {
        let known = self.known(id)?;
        let Some(credentials) = known.credentials() else {
            self.note(&known, unreadable()).await;
            return Some(false);
        };
        let state = told(&known, self.client(&known, credentials).state_by_token().await)?;
        let is_good = matches!(state, AccountState::Active { .. });
        // A good token makes an account active only if it has no key: of one that has, the periodic check tells.
        if !is_good || known.account.api_key_sid.is_none() {
            self.note(&known, verdict(state)).await;
        }
        Some(is_good)
    }

    /// Stores the result of a check of these credentials.
    async fn note(&self, known: &KnownAccount, check: AccountCheck) {
        let (id, was) = (known.account.id, &known.account);
        let is_new = was.status != check.status || was.detail != check.detail;
        if is_new {
            tracing::warn!(account = %id, tenant = %was.tenant_id, status = %check.status, detail = check.detail, "state of a tenant's carrier account changed");
        }
        if let Err(error) = self.0.store.note_account_check(id, &known.sealed, &check).await {
            tracing::warn!(account = %id, %error, "check of a carrier account not stored");
        }
        self.reread(id).await;
    }
}

/// What the carrier says; `None` if it does not tell now.
fn told(known: &KnownAccount, answer: Result<AccountState, CarrierError>) -> Option<AccountState> {
    match answer {
        Ok(state) => Some(state),
        Err(error) => {
            tracing::warn!(account = %known.account.id, %error, "carrier account not checked");
            None
        }
    }
}

fn unreadable() -> AccountCheck {
    let detail = "its credentials cannot be decrypted: the operator must set the right ENCRYPTION_KEY, or you connect the account \
                  again";
    AccountCheck { status: CarrierAccountStatus::Rejected, detail: Some(detail.to_owned()) }
}

fn verdict(state: AccountState) -> AccountCheck {
    let (status, detail) = match state {
        AccountState::Active { is_trial: false } => (CarrierAccountStatus::Active, None),
        AccountState::Active { is_trial: true } => (
            CarrierAccountStatus::Active,
            Some(
                "this is a trial account: the carrier limits its numbers, calls and messages until it is upgraded",
            ),
        ),
        AccountState::Suspended => (
            CarrierAccountStatus::Suspended,
            Some("the carrier has suspended the account: settle it with the carrier"),
        ),
        AccountState::Closed => (
            CarrierAccountStatus::Closed,
            Some("the account is closed at the carrier, and its numbers are lost"),
        ),
        AccountState::NotActive => (
            CarrierAccountStatus::Suspended,
            Some("the account is suspended or closed: settle it with the carrier"),
        ),
        AccountState::WrongCredentials => (
            CarrierAccountStatus::Rejected,
            Some(
                "the carrier rejects the auth token: it was rotated or revoked; connect the account again with its \
                 primary token",
            ),
        ),
        AccountState::WrongKey => (
            CarrierAccountStatus::Rejected,
            Some(
                "the carrier rejects the API key: it was deleted, or may no longer read numbers; connect the account again with \
                 another key, or without one",
            ),
        ),
        AccountState::ForeignKey => (
            CarrierAccountStatus::Rejected,
            Some(
                "the API key belongs to another account: connect the account again with a key of its own, or without one",
            ),
        ),
    };
    AccountCheck { status, detail: detail.map(str::to_owned) }
}
