//! Connecting a tenant's own account, and disconnecting it. The credentials are checked at the carrier before a transaction begins.

use crate::accounts::NotConnected;
use crate::carrier::AccountCredentials;
use crate::domain::{
    CarrierAccountId, CarrierAccountKind, Refusal, RefusalCode, is_account_sid, is_api_key_sid,
};
use crate::provisioning::{Provisioning, provider_refusal};
use crate::store::{AccountCheck, ReplacedToken, StoreError, TenantStore};

/// Accounts of one tenant, at most.
const MOST_ACCOUNTS: usize = 10;
const CONNECT: &str = "connectCarrierAccount";
const DISCONNECT: &str = "disconnectCarrierAccount";

/// An account that may be connected.
#[derive(Debug)]
pub struct Connecting {
    check: AccountCheck,
    /// `None`: it was not connected before.
    replaced: Option<ReplacedToken>,
}

impl Provisioning {
    /// Checks credentials at the carrier, and reads what they replace. Call it without an open transaction.
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`], with their field.
    pub async fn check_account(
        &self,
        sid: &str,
        credentials: &AccountCredentials,
    ) -> Result<Connecting, StoreError> {
        let invalid = |field: &str, why: &str| Refusal::new(RefusalCode::InvalidInput, why).at(field);
        if !is_account_sid(sid) {
            return Err(invalid("accountSid", "an account SID is AC and 32 hexadecimal digits").into());
        }
        if credentials.api_key.as_ref().is_some_and(|key| !is_api_key_sid(&key.sid)) {
            return Err(invalid("apiKeySid", "the SID of an API key is SK and 32 hexadecimal digits").into());
        }
        let check = self.0.accounts.try_credentials(sid, credentials).await.map_err(|why| match why {
            NotConnected::NoKey => Refusal::new(
                RefusalCode::InvalidInput,
                "this server cannot store credentials: its operator must set ENCRYPTION_KEY",
            ),
            NotConnected::Ours => taken(),
            NotConnected::WrongToken => invalid(
                "authToken",
                "the carrier rejects this auth token: copy the account's primary auth token, without spaces",
            ),
            NotConnected::WrongKey => invalid(
                "apiKeySecret",
                "the carrier rejects this API key: check its SID and its secret; a restricted key needs the permission to read \
                 phone numbers",
            ),
            NotConnected::ForeignKey => invalid(
                "apiKeySid",
                "this API key belongs to another account: create a key in the account that is connected",
            ),
            NotConnected::NotActive(state) => {
                invalid("accountSid", &format!("the account is {state} at the carrier: settle that first"))
            }
            NotConnected::Carrier(failure) => provider_refusal(&failure),
        })?;
        let replaced = self.0.accounts.replaced_by(sid, &credentials.auth_token).await?;
        Ok(Connecting { check, replaced })
    }

    /// Stores an account whose credentials were checked, or the new credentials of one that is connected. The token before stays accepted
    /// for signatures for a while. Afterwards, call [`crate::accounts::Accounts::reread`].
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn connect_account(
        &self,
        store: &TenantStore,
        sid: &str,
        credentials: &AccountCredentials,
        connecting: Connecting,
    ) -> Result<CarrierAccountId, StoreError> {
        let unsealed = |_| StoreError::Corrupt { table: "carrier_accounts", column: "token" };
        let Connecting { check, replaced } = connecting;
        let known = store.carrier_accounts().await?;
        if let Some(same) = known.iter().find(|account| account.sid == sid) {
            if same.kind != CarrierAccountKind::Own {
                return Err(taken().into());
            }
            let sealed = self.0.accounts.seal_credentials(same.id, sid, credentials).map_err(unsealed)?;
            let is_replaced = match replaced {
                Some(replaced) => {
                    store.replace_account_credentials(same.id, sealed, replaced, &check).await?
                }
                None => false,
            };
            if !is_replaced {
                let why = "other credentials of the account were stored, or it was disconnected, meanwhile: repeat connectCarrierAccount";
                return Err(Refusal::new(RefusalCode::InvalidInput, why).at("accountSid").into());
            }
            store.audit(CONNECT, same.id).await?;
            return Ok(same.id);
        }
        if known.iter().filter(|account| account.kind == CarrierAccountKind::Own).count() >= MOST_ACCOUNTS {
            let why = format!("at most {MOST_ACCOUNTS} accounts can be connected: disconnect one first");
            return Err(Refusal::new(RefusalCode::InvalidInput, why).at("accountSid").into());
        }
        let id = CarrierAccountId(self.0.entropy.uuid(self.0.clock.now()));
        let sealed = self.0.accounts.seal_credentials(id, sid, credentials).map_err(unsealed)?;
        // Another tenant's connection decides, whoever was first: the index knows it although this tenant does not see it.
        if !store.insert_own_account(id, sid, sealed, &check).await? {
            return Err(taken().into());
        }
        store.audit(CONNECT, id).await?;
        Ok(id)
    }

    /// Disconnects a tenant's own account. Refused while it holds numbers. Afterwards, call
    /// [`crate::accounts::Accounts::reread`].
    ///
    /// # Errors
    /// [`StoreError`]; refusals as [`StoreError::Refused`].
    pub async fn disconnect_account(
        &self,
        store: &TenantStore,
        id: CarrierAccountId,
    ) -> Result<(), StoreError> {
        let refused = |why: String| StoreError::from(Refusal::new(RefusalCode::InvalidInput, why).at("id"));
        let known = store.carrier_accounts().await?.into_iter().find(|account| account.id == id);
        let account = known.ok_or_else(|| Refusal::not_found("carrier account", "id"))?;
        if account.kind != CarrierAccountKind::Own {
            return Err(refused("only an account that was connected can be disconnected".to_owned()));
        }
        if !store.disconnect_account(id).await? {
            return Err(Refusal::not_found("carrier account", "id").into());
        }
        // Counted after the update: a purchase that reads the account later finds it disconnected.
        let held = store.count_numbers_in_account(id).await?;
        if held > 0 {
            return Err(refused(format!(
                "{held} of your numbers are in this account: release them first, or give them back"
            )));
        }
        store.audit(DISCONNECT, id).await
    }
}

/// Does not say whose account it is.
fn taken() -> Refusal {
    let why = "this account is in use already and cannot be connected here";
    Refusal::new(RefusalCode::InvalidInput, why).at("accountSid")
}
