//! The worker: follows the table, checks accounts periodically, and encrypts credentials again after the key was rotated.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Accounts, KnownAccount, MOST_ACCOUNTS, sealed::Keyring};
use crate::domain::{CarrierAccount, CarrierAccountStatus, Heartbeat, caught};
use crate::store::{SealedTokens, StoreError};

/// How often changes are read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often to look for changes that are to be saved on disk.
const SAVE_EVERY: Duration = Duration::from_secs(3);
/// How often an account is checked; one that is not active, more often.
const CHECK_EVERY: TimeDelta = TimeDelta::minutes(10);
const RECHECK_EVERY: TimeDelta = TimeDelta::seconds(20);
/// Least time between two checks of an account.
const ASKED_AGAIN: Duration = Duration::from_secs(15);
/// Checks of one round; ten times as many accounts are encrypted again in one round.
const AT_ONCE: usize = 5;

impl Accounts {
    /// Reads all accounts, before the first webhook may come.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self) -> Result<(), StoreError> {
        self.follow().await
    }

    /// How many accounts have credentials that cannot be decrypted, of how many.
    #[must_use]
    pub fn unreadable(&self) -> (usize, usize) {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let unreadable = known.accounts.values().filter(|account| account.credentials().is_none()).count();
        (unreadable, known.accounts.len())
    }

    /// Follows changes until `stop` is cancelled.
    pub async fn watch(&self, stop: CancellationToken, heartbeat: Heartbeat) {
        // Beside each other: neither a carrier nor a disk that does not answer may keep this server from following the table.
        let mut saved = None;
        let all = async {
            tokio::join!(self.follow_on(&heartbeat), self.check_on(&heartbeat), self.save_on(&mut saved))
        };
        stop.run_until_cancelled(all).await;
        self.save_after_changes(saved).await;
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

    async fn save_on(&self, saved: &mut Option<u64>) {
        loop {
            *saved = self.save_after_changes(*saved).await;
            tokio::time::sleep(SAVE_EVERY).await;
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
        let (seen, mut gone) = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            // The first read returns the connected accounts only: saved accounts that it lacks were disconnected meanwhile.
            let restored =
                if known.is_loaded { HashSet::new() } else { known.accounts.keys().copied().collect() };
            (known.seen, restored)
        };
        let began = self.0.clock.now();
        let changed = self.0.store.carrier_accounts_since(seen, MOST_ACCOUNTS).await?;
        for stored in changed {
            gone.remove(&stored.account.id);
            self.learn(stored);
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        for id in gone {
            known.forget(id);
        }
        // The next read reaches back behind this instant.
        known.seen = Some(began);
        known.is_loaded = true;
        Ok(())
    }

    /// Checks the accounts whose last check is longest ago, a few at a time. Servers share the time of the last check.
    async fn check_some(&self, heartbeat: &Heartbeat) {
        // No result could be stored, and accounts from disk may have been disconnected.
        if self.0.store.is_unavailable() {
            return;
        }
        let now = self.0.clock.now();
        let mut due: Vec<_> = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            if !known.is_loaded {
                return;
            }
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

    /// Encrypts the credentials of a few accounts with the current key that are encrypted with the previous one.
    async fn reseal_some(&self) {
        let Some(keyring) = &self.0.keyring else { return };
        let old: Vec<Arc<KnownAccount>> = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            let is_old = |SealedTokens { token, previous, api_key_secret, .. }: &SealedTokens| {
                let mut sealed = [token, previous, api_key_secret].into_iter().flatten();
                sealed.any(|sealed| !keyring.is_current(sealed))
            };
            let readable = known
                .accounts
                .values()
                .filter(|known| known.credentials().is_some() && is_old(&known.sealed));
            readable.take(AT_ONCE * 10).cloned().collect()
        };
        let mut count = 0;
        for known in old {
            let id = known.account.id;
            let Some(tokens) = resealed(keyring, &known) else { continue };
            match self.0.store.reseal_account(id, &known.sealed, &tokens).await {
                Ok(is_done) => {
                    count += usize::from(is_done);
                    self.reread(id).await;
                }
                Err(error) => {
                    tracing::warn!(account = %id, %error, "credentials not encrypted with the current key");
                }
            }
        }
        if count > 0 {
            tracing::info!(
                count,
                "credentials of carrier accounts encrypted with the current ENCRYPTION_KEY"
            );
        }
    }
}

/// The credentials of an account, encrypted with the current key; `None` if they are unreadable.
fn resealed(keyring: &Keyring, KnownAccount { account, sealed, .. }: &KnownAccount) -> Option<SealedTokens> {
    let again = |sid: &str, sealed: &str| {
        let secret = keyring.open((account.id, sid), sealed).ok()?;
        keyring.seal((account.id, sid), &secret).ok()
    };
    let api_key_secret = match (&account.api_key_sid, &sealed.api_key_secret) {
        (Some(key), Some(secret)) => Some(again(key, secret)?),
        _ => None,
    };
    Some(SealedTokens {
        token: Some(again(&account.sid, sealed.token.as_ref()?)?),
        // One that is no longer readable is of no use.
        previous: sealed.previous.as_ref().and_then(|previous| again(&account.sid, previous)),
        previous_until: sealed.previous_until,
        api_key_secret,
    })
}
