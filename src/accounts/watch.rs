//! The worker: follows the table, checks accounts periodically, and encrypts tokens again after the key was rotated.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Accounts, MOST_ACCOUNTS, sealed::Keyring};
use crate::domain::{CarrierAccount, CarrierAccountId, CarrierAccountStatus, Heartbeat, caught};
use crate::store::{SealedTokens, StoreError};

/// How often changes are read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often an account is checked; one that is not active, more often.
const CHECK_EVERY: TimeDelta = TimeDelta::minutes(10);
const RECHECK_EVERY: TimeDelta = TimeDelta::seconds(20);
/// Least time between two checks of an account.
const ASKED_AGAIN: Duration = Duration::from_secs(15);
/// Checks of one round, and tokens encrypted again in one round.
const AT_ONCE: usize = 5;

impl Accounts {
    /// Reads all accounts, before the first webhook may come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self) -> Result<(), StoreError> {
        self.follow().await
    }

    /// How many accounts have a token that cannot be decrypted, of how many.
    #[must_use]
    pub fn unreadable(&self) -> (usize, usize) {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let unreadable = known.accounts.values().filter(|account| account.token.is_none()).count();
        (unreadable, known.accounts.len())
    }

    /// Follows changes until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        // Beside each other: a carrier that does not answer must not keep this server from following the table.
        let both = async { tokio::join!(self.follow_on(&heartbeat), self.check_on(&heartbeat)) };
        stop.run_until_cancelled(both).await;
    }

    async fn follow_on(&self, heartbeat: &Heartbeat) {
        loop {
            heartbeat.beat();
            let round = Box::pin(async {
                match self.follow().await {
                    Ok(()) => self.reseal_some().await,
                    Err(error) => tracing::debug!(%error, "carrier accounts not read"),
                }
            });
            let _done_or_panicked = caught("carrier accounts", round).await;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn check_on(&self, heartbeat: &Heartbeat) {
        loop {
            let round = Box::pin(self.check_some(heartbeat));
            let _done_or_panicked = caught("carrier accounts", round).await;
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        let seen = self.0.known.read().unwrap_or_else(PoisonError::into_inner).seen;
        let began = self.0.clock.now();
        let changed = self.0.store.carrier_accounts_since(seen, MOST_ACCOUNTS).await?;
        for stored in changed {
            self.learn(stored);
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        // The next read reaches back behind this instant.
        known.seen = Some(began);
        known.is_loaded = true;
        Ok(())
    }

    /// Checks the accounts whose last check is longest ago, a few at a time. Servers share the time of the last check.
    async fn check_some(&self, heartbeat: &Heartbeat) {
        let now = self.0.clock.now();
        let mut due: Vec<_> = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            let is_due = |account: &CarrierAccount| {
                let every =
                    if account.status == CarrierAccountStatus::Active { CHECK_EVERY } else { RECHECK_EVERY };
                account.checked_at.is_none_or(|at| at + every <= now)
            };
            let mut asked_at = self.0.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
            // Those about which the carrier did not tell must not keep the others waiting.
            asked_at.retain(|_, at| at.elapsed() < ASKED_AGAIN);
            known
                .accounts
                .values()
                .map(|known| &known.account)
                .filter(|account| is_due(account) && !asked_at.contains_key(&account.id))
                .map(|account| (account.checked_at, account.id))
                .collect()
        };
        due.sort();
        for (_, id) in due.into_iter().take(AT_ONCE) {
            heartbeat.beat();
            self.0.asked_at.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
            // One whose check panics must not keep the others from theirs.
            let _checked_or_panicked = caught("check of a carrier account", self.check(id)).await;
        }
    }

    /// Encrypts a few tokens with the current key that are encrypted with the previous one.
    async fn reseal_some(&self) {
        let Some(keyring) = &self.0.keyring else { return };
        let old: Vec<(CarrierAccountId, String, SealedTokens)> = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            let is_old = |sealed: Option<&str>| sealed.is_some_and(|sealed| !keyring.is_current(sealed));
            let is_old =
                |tokens: &SealedTokens| is_old(tokens.token.as_deref()) || is_old(tokens.previous.as_deref());
            let readable =
                known.accounts.values().filter(|known| known.token.is_some() && is_old(&known.sealed));
            readable
                .map(|known| (known.account.id, known.account.sid.clone(), known.sealed.clone()))
                .take(AT_ONCE * 10)
                .collect()
        };
        let mut count = 0;
        for (id, sid, was) in old {
            let Some(tokens) = resealed(keyring, (id, &sid), &was) else { continue };
            match self.0.store.reseal_account(id, &was, &tokens).await {
                Ok(is_done) => {
                    count += usize::from(is_done);
                    self.reread(id).await;
                }
                Err(error) => {
                    tracing::warn!(account = %id, %error, "token not encrypted with the current key");
                }
            }
        }
        if count > 0 {
            tracing::info!(count, "tokens of carrier accounts encrypted with the current ENCRYPTION_KEY");
        }
    }
}

fn resealed(
    keyring: &Keyring,
    account: (CarrierAccountId, &str),
    was: &SealedTokens,
) -> Option<SealedTokens> {
    let again = |sealed: &String| keyring.seal(account, &keyring.open(account, sealed).ok()?).ok();
    Some(SealedTokens {
        token: Some(again(was.token.as_ref()?)?),
        // One that is no longer readable is of no use.
        previous: was.previous.as_ref().and_then(again),
        previous_until: was.previous_until,
    })
}
