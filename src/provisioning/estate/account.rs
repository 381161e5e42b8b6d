//! The account whose numbers are imported: the platform's, or one of a tenant's.

use super::Provisioning;
use crate::carrier::{CarrierError, Rejection};
use crate::domain::{CarrierAccount, CarrierAccountId, CarrierAccountStatus, TenantId};
use crate::store::{StoreError, StoredAccount};

/// An account whose numbers can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstateAccount {
    /// `None`: the platform's.
    of_tenant: Option<CarrierAccount>,
}

impl EstateAccount {
    /// The id as numbers store it; `None`: the platform's account.
    #[must_use]
    pub fn id(&self) -> Option<CarrierAccountId> {
        self.of_tenant.as_ref().map(|account| account.id)
    }

    /// The only tenant that can get its numbers; `None`: any.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        self.of_tenant.as_ref().map(|account| account.tenant_id)
    }
}

/// Why numbers cannot be imported from an account. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EstateAccountError {
    /// This server does not use the account: why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account could not be read.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
}

impl Provisioning {
    /// The account with this SID, whose numbers are to be imported; `None`: the platform's.
    ///
    /// # Errors
    /// [`EstateAccountError`].
    pub async fn estate_account(&self, sid: Option<&str>) -> Result<EstateAccount, EstateAccountError> {
        let platform = self.carrier().account_sid();
        let Some(sid) = sid.filter(|sid| *sid != platform) else {
            return Ok(EstateAccount { of_tenant: None });
        };
        let refused = |why: &str| Err(EstateAccountError::Refused(format!("{sid} {why}")));
        let Some(stored) = self.0.store.carrier_account_by_sid(sid).await? else {
            return refused(&format!(
                "is not known here: its tenant connects it with connectCarrierAccount, or leave --account out to import from \
                 {platform}"
            ));
        };
        let StoredAccount { account, is_connected, .. } = stored;
        if !is_connected {
            return refused("is disconnected: its tenant connects it again with connectCarrierAccount");
        }
        if account.status != CarrierAccountStatus::Active {
            let detail = account.detail.as_deref().unwrap_or("see its detail in carrierAccounts");
            return refused(&format!("is {}: {detail}", account.status));
        }
        match self.accounts().carrier(Some(account.id)).await {
            Ok(_) => Ok(EstateAccount { of_tenant: Some(account) }),
            Err(CarrierError::Rejected(Rejection::Account)) => refused(
                "is disconnected, or its credentials cannot be decrypted: its tenant connects it again with connectCarrierAccount, or \
                 set the ENCRYPTION_KEY of the servers",
            ),
            Err(failure) => Err(failure.into()),
        }
    }
}
