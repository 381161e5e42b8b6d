//! The accounts at the carrier: a client for each, the tokens that verify its webhooks, and checks of its credentials.
//!
//! A number without an account belongs to the platform's. Any other account has a row with its encrypted credentials, a client with
//! circuit breakers and request slots of its own, and webhooks signed with its own token. Each server holds the accounts in memory
//! and follows the table every second, so that verifying a signature asks neither the database nor the carrier.
//!
//! - Requests are authenticated by the account's API key if it was connected with one, else by its token. Only the token verifies
//!   signatures.
//! - Credentials are decrypted in memory only. They are never logged and never returned.
//! - An unknown account is rejected without trying any token.
//! - The accounts are also saved on disk, encrypted, for a server that starts while the database is unavailable.
//! - Credentials that the carrier rejects are noticed by the periodic check, or at once when a webhook's signature fails
//!   ([`Accounts::recheck`]). The account is `REJECTED` until a check succeeds again.

mod cache_file;
mod check;
mod port_data;
mod sealed;
mod watch;

pub use check::NotConnected;
pub use port_data::PortPart;
pub use sealed::Unreadable;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::time::{Instant, timeout};

use crate::carrier::{AccountCredentials, ApiKey, Carrier, CarrierError, Rejection};
use crate::domain::{
    CarrierAccount, CarrierAccountId, Clock, E164, MessageId, NumberAccounts, NumberId, TenantId,
};
use crate::store::{SealedCredentials, SealedTokens, StoreError, StoredAccount, SystemStore};
use sealed::Keyring;

/// Accounts in memory, at most. Beyond, an account is read when it is needed, and its webhooks are rejected.
const MOST_ACCOUNTS: usize = 100_000;
/// Clients in memory, at most. The one that was used longest ago is dropped, and with it the state of its circuit breakers.
const MOST_CLIENTS: usize = 1000;
/// Time limit for a read while a caller waits.
const READ_TIME: Duration = Duration::from_secs(1);

/// Settings of accounts.
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    /// The platform's auth token.
    pub platform_token: SecretString,
    /// The platform's previous auth token, accepted for signatures during rotation.
    pub platform_token_previous: Option<SecretString>,
    /// Whether each tenant gets a subaccount with its first number.
    pub subaccounts: bool,
    /// Key that encrypts tokens, and the requests for ports.
    pub encryption_key: Option<SecretString>,
    /// Previous key, with which both are still read.
    pub encryption_key_previous: Option<SecretString>,
    /// Where the accounts are saved for a start without the database.
    pub state_dir: PathBuf,
}

/// The accounts at the carrier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    platform: Carrier,
    platform_tokens: Vec<SecretString>,
    subaccounts: bool,
    keyring: Option<Keyring>,
    state_dir: PathBuf,
    store: SystemStore,
    clock: Clock,
    known: RwLock<Known>,
    clients: Mutex<HashMap<CarrierAccountId, Client>>,
    rechecks: check::Rechecks,
    /// When the periodic check last asked about an account, whatever came of it.
    asked_at: Mutex<HashMap<CarrierAccountId, Instant>>,
}

/// What this server knows of the table.
#[derive(Debug, Default)]
struct Known {
    accounts: HashMap<CarrierAccountId, Arc<KnownAccount>>,
    by_sid: HashMap<String, CarrierAccountId>,
    /// The time of the latest change that was read; `None` before the first read.
    seen: Option<DateTime<Utc>>,
    is_loaded: bool,
    /// Number of changes so far to what is saved on disk.
    version: u64,
}

/// A connected account with its credentials.
#[derive(Debug)]
struct KnownAccount {
    account: CarrierAccount,
    /// `None` if it cannot be decrypted.
    token: Option<SecretString>,
    /// The secret of its API key. `None` if it has no key, or the secret cannot be decrypted.
    api_key_secret: Option<SecretString>,
    previous: Option<(SecretString, DateTime<Utc>)>,
    sealed: SealedTokens,
}

#[derive(Debug)]
struct Client {
    carrier: Carrier,
    sealed: SealedTokens,
    used_at: Instant,
}

/// The account that a webhook names.
#[derive(Debug, Clone)]
pub enum Named {
    /// The platform's.
    Platform,
    /// A tenant's, with the tokens that may have signed.
    Tenant(SigningAccount),
    /// Not one of ours.
    Unknown,
    /// The accounts have not been read yet, since the database has been unavailable from the start.
    NotRead,
}

/// An account of a tenant, as the sender of webhooks.
#[derive(Debug, Clone)]
pub struct SigningAccount {
    /// Id of the account.
    pub id: CarrierAccountId,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// The tokens that may have signed.
    pub tokens: Vec<SecretString>,
}

impl Accounts {
    /// Accounts beside the platform's, whose client this is.
    ///
    /// # Errors
    /// [`Unreadable`]: a key is not 32 bytes in Base64.
    pub fn new(
        config: AccountsConfig,
        platform: Carrier,
        store: SystemStore,
        clock: Clock,
    ) -> Result<Self, Unreadable> {
        let AccountsConfig {
            platform_token,
            platform_token_previous,
            subaccounts,
            encryption_key,
            encryption_key_previous,
            state_dir,
        } = config;
        let keyring = match &encryption_key {
            Some(key) => Some(Keyring::new(key, encryption_key_previous.as_ref()).ok_or(Unreadable)?),
            None => None,
        };
        Ok(Self(Arc::new(Parts {
            platform,
            platform_tokens: std::iter::once(platform_token).chain(platform_token_previous).collect(),
            subaccounts,
            keyring,
            state_dir,
            store,
            clock,
            known: RwLock::default(),
            clients: Mutex::default(),
            rechecks: check::Rechecks::default(),
            asked_at: Mutex::default(),
        })))
    }

    /// The client of the platform's account: searches, prices, and moves of numbers between accounts.
    #[must_use]
    pub fn platform(&self) -> &Carrier {
        &self.0.platform
    }

    /// The tokens that may have signed webhooks of the platform's account.
    #[must_use]
    pub fn platform_tokens(&self) -> &[SecretString] {
        &self.0.platform_tokens
    }

    /// Whether each tenant gets a subaccount with its first number.
    #[must_use]
    pub fn has_subaccounts(&self) -> bool {
        self.0.subaccounts
    }

    /// The client of an account; `None` is the platform's.
    ///
    /// # Errors
    /// [`CarrierError`]: unavailable if the account could not be read, rejected if it is disconnected or its credentials are unreadable.
    pub async fn carrier(&self, account: Option<CarrierAccountId>) -> Result<Carrier, CarrierError> {
        let Some(id) = account else { return Ok(self.0.platform.clone()) };
        let known = match self.known(id) {
            Some(known) => known,
            None => match self.refresh(id).await {
                Ok(known) => known.ok_or(CarrierError::Rejected(Rejection::Account))?,
                Err(_) => return Err(CarrierError::unavailable("its account could not be read")),
            },
        };
        let credentials = known.credentials().ok_or(CarrierError::Rejected(Rejection::Account))?;
        Ok(self.client(&known, credentials))
    }

    /// The accounts of a number.
    ///
    /// # Errors
    /// [`CarrierError`]: unavailable if they could not be read.
    pub async fn of_number(&self, number: NumberId) -> Result<NumberAccounts, CarrierError> {
        let unread = |_| CarrierError::unavailable("the account of the number could not be read");
        self.0.store.accounts_of_number(number).await.map_err(unread)
    }

    /// The account that a webhook names by its SID.
    #[must_use]
    pub fn named(&self, sid: &str) -> Named {
        if sid == self.0.platform.account_sid() {
            return Named::Platform;
        }
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let Some(account) = known.by_sid.get(sid).and_then(|id| known.accounts.get(id)) else {
            return if known.is_loaded { Named::Unknown } else { Named::NotRead };
        };
        let now = self.0.clock.now();
        let previous = account.previous.as_ref().filter(|(_, until)| *until > now);
        Named::Tenant(SigningAccount {
            id: account.account.id,
            tenant: account.account.tenant_id,
            tokens: account.token.iter().chain(previous.map(|(token, _)| token)).cloned().collect(),
        })
    }

    /// Whether calls and messages to a number may come from this account (`None`: the platform's).
    pub async fn may_call(&self, number: &E164, account: Option<CarrierAccountId>) -> bool {
        self.0.store.may_come_from(number, account).await
    }

    /// Whether a call is on record.
    pub async fn is_call_on_record(&self, sid: &str) -> bool {
        self.known_owner(self.0.store.accounts_of_call(sid)).await.is_some()
    }

    /// Whether a call is on record for another tenant than this one.
    pub async fn is_call_of_another(&self, sid: &str, tenant: TenantId) -> bool {
        self.known_owner(self.0.store.accounts_of_call(sid)).await.is_some_and(|owner| owner != tenant)
    }

    /// Whether a message is on record for another tenant than this one.
    pub async fn is_message_of_another(&self, sid: &str, id: Option<MessageId>, tenant: TenantId) -> bool {
        let owner = self.known_owner(self.0.store.accounts_of_message(sid, id));
        owner.await.is_some_and(|owner| owner != tenant)
    }

    /// Whose a call or a message is; `None` if it is not on record, or the database does not tell in time: a caller waits.
    async fn known_owner(
        &self,
        read: impl Future<Output = Result<Option<(TenantId, NumberAccounts)>, StoreError>>,
    ) -> Option<TenantId> {
        if self.0.store.is_unavailable() {
            return None;
        }
        let read = timeout(READ_TIME, read).await.ok()?;
        read.ok().flatten().map(|(tenant, _)| tenant)
    }

    /// The accounts in which numbers may be held, the platform's first.
    #[must_use]
    pub fn all(&self) -> Vec<Option<CarrierAccount>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut tenants: Vec<CarrierAccount> =
            known.accounts.values().map(|known| known.account.clone()).collect();
        tenants.sort_by_key(|account| (account.created_at, account.id));
        std::iter::once(None).chain(tenants.into_iter().map(Some)).collect()
    }

    /// Encrypts the token of an account, whose SID this is.
    ///
    /// # Errors
    /// [`Unreadable`]: there is no key.
    pub fn seal(&self, id: CarrierAccountId, sid: &str, token: &SecretString) -> Result<String, Unreadable> {
        self.0.keyring.as_ref().ok_or(Unreadable)?.seal((id, sid), token)
    }

    /// Encrypts the credentials of an account.
    ///
    /// # Errors
    /// [`Unreadable`]: there is no key.
    pub fn seal_credentials(
        &self,
        id: CarrierAccountId,
        sid: &str,
        credentials: &AccountCredentials,
    ) -> Result<SealedCredentials, Unreadable> {
        let api_key = credentials.api_key.as_ref();
        Ok(SealedCredentials {
            token: self.seal(id, sid, &credentials.auth_token)?,
            api_key_sid: api_key.map(|key| key.sid.clone()),
            api_key_secret: api_key.map(|key| self.seal(id, &key.sid, &key.secret)).transpose()?,
        })
    }

    /// Whether tokens can be encrypted: `ENCRYPTION_KEY` is set.
    #[must_use]
    pub fn can_seal(&self) -> bool {
        self.0.keyring.is_some()
    }

    /// Reads an account into memory.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn refresh(&self, id: CarrierAccountId) -> Result<Option<Arc<KnownAccount>>, StoreError> {
        let stored = self.0.store.carrier_account(id).await?;
        Ok(stored.and_then(|stored| self.learn(stored)))
    }

    /// Reads an account again after a change by this server, so that it takes effect here at once.
    pub async fn reread(&self, id: CarrierAccountId) {
        // Otherwise the watch reads it within a second.
        let _read_or_later = self.refresh(id).await;
    }

    fn known(&self, id: CarrierAccountId) -> Option<Arc<KnownAccount>> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.accounts.get(&id).cloned()
    }

    /// Takes a row into memory; `None` if the account is disconnected.
    fn learn(&self, stored: StoredAccount) -> Option<Arc<KnownAccount>> {
        let StoredAccount { account, tokens, is_connected } = stored;
        let id = account.id;
        if !is_connected {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            known.forget(id);
            self.0.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            return None;
        }
        let earlier = self.known(id).filter(|earlier| earlier.sealed == tokens);
        let learned = match &earlier {
            // Not decrypted again for a mere change of its state.
            Some(earlier) => KnownAccount {
                account,
                token: earlier.token.clone(),
                api_key_secret: earlier.api_key_secret.clone(),
                previous: earlier.previous.clone(),
                sealed: tokens,
            },
            None => self.decrypted(account, tokens),
        };
        if earlier.is_none() && learned.credentials().is_none() {
            tracing::error!(account = %id, "the credentials of a tenant's carrier account cannot be decrypted: check ENCRYPTION_KEY and ENCRYPTION_KEY_PREVIOUS");
        }
        let learned = Arc::new(learned);
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.accounts.len() < MOST_ACCOUNTS || known.accounts.contains_key(&id) {
            known.version += u64::from(earlier.is_none());
            known.by_sid.insert(learned.account.sid.clone(), id);
            known.accounts.insert(id, Arc::clone(&learned));
        }
        Some(learned)
    }

    fn decrypted(&self, account: CarrierAccount, sealed: SealedTokens) -> KnownAccount {
        let open = |sid: &str, sealed: &Option<String>| {
            let keyring = self.0.keyring.as_ref()?;
            keyring.open((account.id, sid), sealed.as_deref()?).ok()
        };
        let token = open(&account.sid, &sealed.token);
        let previous = open(&account.sid, &sealed.previous).zip(sealed.previous_until);
        let api_key_secret = account.api_key_sid.as_deref().and_then(|sid| open(sid, &sealed.api_key_secret));
        KnownAccount { account, token, api_key_secret, previous, sealed }
    }

    /// The client of an account. New credentials keep its circuit breakers.
    fn client(&self, known: &KnownAccount, credentials: AccountCredentials) -> Carrier {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let id = known.account.id;
        if let Some(client) = clients.get_mut(&id) {
            if client.sealed != known.sealed {
                client.carrier = client.carrier.with_other_credentials(credentials);
                client.sealed = known.sealed.clone();
            }
            client.used_at = Instant::now();
            return client.carrier.clone();
        }
        if clients.len() >= MOST_CLIENTS
            && let Some(oldest) =
                clients.iter().min_by_key(|(_, client)| client.used_at).map(|(oldest, _)| *oldest)
        {
            clients.remove(&oldest);
        }
        let carrier = self.0.platform.for_account(known.account.sid.clone(), credentials);
        let client =
            Client { carrier: carrier.clone(), sealed: known.sealed.clone(), used_at: Instant::now() };
        clients.insert(id, client);
        carrier
    }
}

impl KnownAccount {
    /// Its credentials; `None` if they cannot all be decrypted.
    fn credentials(&self) -> Option<AccountCredentials> {
        let api_key = match &self.account.api_key_sid {
            Some(sid) => Some(ApiKey { sid: sid.clone(), secret: self.api_key_secret.clone()? }),
            None => None,
        };
        Some(AccountCredentials { auth_token: self.token.clone()?, api_key })
    }
}

impl Known {
    fn forget(&mut self, id: CarrierAccountId) {
        let Some(gone) = self.accounts.remove(&id) else { return };
        self.version += 1;
        // The same account may have been connected again under another id.
        if self.by_sid.get(&gone.account.sid) == Some(&id) {
            self.by_sid.remove(&gone.account.sid);
        }
    }
}
